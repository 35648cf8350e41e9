"""What each client adds to the times of a server that logs when it really sent each token.

    python -m benchmarks.llm_client [--rounds N] [--only TEXT] [--json]

TTFT error: the client's TTFT less the server's own time from the whole request to the first token.
Gap error: the client's mean gap against the server's, per request. Means over requests; of the
rounds the median is shown, and the order of the clients turns from round to round.
"""

import argparse
import asyncio
import gc
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks.llm_client.clients import Client, Load, importable
from nobs.tasks.llms.accuracy import Seen, Sent, TimingError, truthful_server


@dataclass(frozen=True)
class Scenario:
    name: str
    ttft_ms: float
    gap_ms: float
    tokens: int
    concurrency: int
    requests: int
    """On each connection."""
    tokens_per_write: int = 1

    @property
    def schedule(self) -> str:
        return f"{self.ttft_ms}-{self.gap_ms}-{self.tokens}-{self.tokens_per_write}"


SCENARIOS = (
    Scenario("50 ms, then 5 ms a token, 1 stream", 50, 5, 200, 1, 3),
    Scenario("50 ms, then 5 ms a token, 32 streams", 50, 5, 200, 32, 1),
    Scenario("50 ms, then 5 ms a token, 64 streams", 50, 5, 200, 64, 1),
    Scenario("50 ms, then 1 ms a token, 32 streams", 50, 1, 500, 32, 1),
    Scenario("no delay, a write a token, 32 streams", 0, 0, 2000, 32, 2),
    Scenario("no delay, 16 tokens a write, 32 streams", 0, 0, 2000, 32, 2, tokens_per_write=16),
)


@dataclass(frozen=True)
class Result:
    ttft_error_ms: float
    gap_error_percent: float
    delay_p99_ms: float
    """From the server's send to the client's stamp, over all tokens."""
    tokens_per_s: float
    sent_tokens_per_s: float
    """What the server itself reached meanwhile."""


def measure(scenario: Scenario, client: Client) -> Result:
    count = range(scenario.requests)
    with truthful_server() as server:
        load = Load(
            url=f"{server.url}/{scenario.schedule}/v1",
            warm_up_url=f"{server.url}/1-1-5/v1",
            names=[[f"{i}-{n}" for n in count] for i in range(scenario.concurrency)],
        )
        gc.collect()
        seen = asyncio.run(client(load))
        truth = server.finish()
    return result_of([(seen[name], truth[name]) for name in seen], scenario)


def result_of(pairs: list[tuple[Seen, Sent]], scenario: Scenario) -> Result:
    error = TimingError.of(pairs)
    if error.tokens != scenario.tokens * scenario.concurrency * scenario.requests:
        raise ValueError(f"{error.tokens} tokens seen")
    span_ns = max(s[-1] for (_, s), _ in pairs) - min(t0 for (t0, _), _ in pairs)
    sent_ns = max(t[-1] for _, t in pairs) - min(t[0] for _, t in pairs)
    return Result(
        ttft_error_ms=1e3 * error.ttft_error_s,
        gap_error_percent=100 * error.gap_error,
        delay_p99_ms=1e3 * error.delay_p99_s,
        tokens_per_s=1e9 * error.tokens / span_ns,
        sent_tokens_per_s=1e9 * error.tokens / sent_ns,
    )


def middle(results: list[Result]) -> Result:
    """Return the medians over the rounds."""
    names = Result.__dataclass_fields__
    return Result(*(median(getattr(result, name) for result in results) for name in names))


def table(results: dict[tuple[str, str], list[Result]]) -> Iterator[str]:
    for scenario in SCENARIOS:
        yield f"\n{scenario.name}, {scenario.tokens} tokens"
        yield (f"{'client':<24}{'TTFT error':>13}{'gap error':>13}{'p99 delay':>13}"
               f"{'tokens/s':>12}{'server':>10}")  # fmt: skip
        for (name, client), rounds in results.items():
            if name == scenario.name:
                r = middle(rounds)
                yield (f"{client:<24}{r.ttft_error_ms:>+10.2f} ms{r.gap_error_percent:>+11.3f} %"
                       f"{r.delay_p99_ms:>10.2f} ms{r.tokens_per_s:>12,.0f}"
                       f"{r.sent_tokens_per_s:>10,.0f}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", "--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="scenarios with this in their name")
    parser.add_argument("--json", action="store_true", help="print every round instead")
    arguments = parser.parse_args()
    clients = list(importable().items())
    results: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for number in range(arguments.rounds):
        for scenario in SCENARIOS:
            if arguments.only not in scenario.name:
                continue
            turn = number % len(clients)
            for name, client in [*clients[turn:], *clients[:turn]]:
                results[scenario.name, name].append(measure(scenario, client))
    if arguments.json:
        print(json.dumps([[*key, [vars(r) for r in rounds]] for key, rounds in results.items()]))
        return
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
