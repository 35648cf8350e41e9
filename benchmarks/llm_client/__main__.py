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
import subprocess
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean, median

from benchmarks.llm_client.clients import Client, Load, Stamps, importable


@dataclass(frozen=True)
class Scenario:
    name: str
    ttft_ms: float
    gap_ms: float
    tokens: int
    concurrency: int
    requests: int
    """On each connection."""


SCENARIOS = (
    Scenario("50 ms, then 5 ms a token, 1 stream", 50, 5, 200, 1, 3),
    Scenario("50 ms, then 5 ms a token, 32 streams", 50, 5, 200, 32, 1),
    Scenario("50 ms, then 5 ms a token, 64 streams", 50, 5, 200, 64, 1),
    Scenario("50 ms, then 1 ms a token, 32 streams", 50, 1, 500, 32, 1),
    Scenario("no delay, 32 streams", 0, 0, 2000, 32, 2),
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


@contextmanager
def server() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.llm_client.server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def truth_of(url: str) -> dict[str, list[int]]:
    """Return by request when it had come and when each token went out, in ns."""
    with urllib.request.urlopen(f"{url}/log", timeout=60) as response:
        return dict(json.load(response))


def measure(url: str, scenario: Scenario, client: Client) -> Result:
    count = range(scenario.requests)
    load = Load(
        url=f"{url}/{scenario.ttft_ms}-{scenario.gap_ms}-{scenario.tokens}/v1",
        warm_up_url=f"{url}/1-1-5/v1",
        names=[[f"{i}-{n}" for n in count] for i in range(scenario.concurrency)],
    )
    gc.collect()
    seen = asyncio.run(client(load))
    truth = truth_of(url)
    pairs = [(stamps, truth[name]) for name, stamps in seen.items()]
    for (_, stamps), (_, *sent) in pairs:
        if len(stamps) != len(sent) or len(sent) != scenario.tokens:
            raise ValueError(f"{len(stamps)} tokens seen, {len(sent)} sent")
    return result_of(pairs)


def result_of(pairs: list[tuple[Stamps, list[int]]]) -> Result:
    delays = sorted(
        stamp - sent
        for (_, stamps), (_, *all_sent) in pairs
        for stamp, sent in zip(stamps, all_sent, strict=True)
    )
    ttft_errors = [(s[0] - t0) - (sent[0] - received) for (t0, s), (received, *sent) in pairs]
    gap_errors = [(s[-1] - s[0]) / (sent[-1] - sent[0]) - 1 for (_, s), (_, *sent) in pairs]
    span_ns = max(s[-1] for (_, s), _ in pairs) - min(t0 for (t0, _), _ in pairs)
    sent_ns = max(t[-1] for _, t in pairs) - min(t[0] for _, t in pairs)
    return Result(
        ttft_error_ms=fmean(ttft_errors) / 1e6,
        gap_error_percent=100 * fmean(gap_errors),
        delay_p99_ms=delays[int(0.99 * (len(delays) - 1))] / 1e6,
        tokens_per_s=1e9 * len(delays) / span_ns,
        sent_tokens_per_s=1e9 * len(delays) / sent_ns,
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
    with server() as url:
        for number in range(arguments.rounds):
            for scenario in SCENARIOS:
                if arguments.only not in scenario.name:
                    continue
                turn = number % len(clients)
                for name, client in [*clients[turn:], *clients[:turn]]:
                    results[scenario.name, name].append(measure(url, scenario, client))
    if arguments.json:
        print(json.dumps([[*key, [vars(r) for r in rounds]] for key, rounds in results.items()]))
        return
    print("\n".join(table(results)))


if __name__ == "__main__":
    main()
