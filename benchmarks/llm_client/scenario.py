"""Scenarios, what one client added to the server's times in each, and the bars."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from statistics import fmean, median
from typing import Any

from nobs.tasks.chat.client.accuracy import Seen, Sent, timing_error


@dataclass(frozen=True)
class Scenario:
    name: str
    ttft_ms: int
    gap_ms: int
    tokens: int
    concurrency: int
    tokens_per_write: int = 1
    requests: int = 1
    """On each connection."""

    @property
    def schedule(self) -> str:
        """Return the path at which the server follows this scenario."""
        return f"{self.ttft_ms}-{self.gap_ms}-{self.tokens}-{self.tokens_per_write}"

    @property
    def scheduled_tokens_per_s(self) -> float:
        """Return the rate of all streams by the schedule, where it has delays."""
        answer_s = (self.ttft_ms + self.gap_ms * (self.tokens - 1)) / 1e3
        return self.tokens * self.concurrency / answer_s

    @property
    def total(self) -> int:
        """Return the number of requests."""
        return self.concurrency * self.requests


ONE = Scenario("50 ms, then 5 ms per token, 1 stream", 50, 5, 200, 1, requests=3)
SOME = Scenario("50 ms, then 5 ms per token, 32 streams", 50, 5, 200, 32)
MANY = Scenario("50 ms, then 5 ms per token, 64 streams", 50, 5, 200, 64)
FAST = Scenario("50 ms, then 1 ms per token, 32 streams", 50, 1, 500, 32)
FLOOD = Scenario("no delay, 16 tokens a write, 32 streams", 0, 0, 2000, 32, tokens_per_write=16)
DRIP = Scenario("no delay, a write a token, 32 streams", 0, 0, 2000, 32)
CROWD = Scenario("50 ms, then 50 ms per token, 1024 streams", 50, 50, 100, 1024)
SCENARIOS = (ONE, SOME, MANY, FAST, FLOOD, DRIP, CROWD)


@dataclass(frozen=True, kw_only=True)
class Result:
    ttft_error_ms: float
    gap_error_percent: float
    delay_p99_ms: float | None
    """From the server's send to the client's stamp, over all tokens; None where it isn't told."""
    tokens_per_s: float
    sent_tokens_per_s: float
    """What the server itself reached meanwhile."""
    load: float
    """Of the machine in the last minute, as it was before."""
    blames_itself: float | None = None
    """1 if the client says that it was the limit, 0 if not; None where it never tells."""


@dataclass(frozen=True)
class Told:
    """What a tool of its own process tells of one request."""

    start_s: float
    ttft_s: float
    gaps_s: float
    """From the first to the last token."""
    end_s: float


def result_of(pairs: Sequence[tuple[Seen, Sent]], scenario: Scenario, load: float) -> Result:
    """Return what a client added whose stamps are known token by token."""
    error = timing_error(pairs)
    _check_count(error.tokens, scenario)
    span_ns = max(stamps[-1] for (_, stamps), _ in pairs) - min(t0 for (t0, _), _ in pairs)
    return Result(
        ttft_error_ms=1e3 * error.ttft_error_s,
        gap_error_percent=100 * error.itl_error,
        delay_p99_ms=1e3 * error.delay_p99_s,
        tokens_per_s=1e9 * error.tokens / span_ns,
        sent_tokens_per_s=_sent_rate([sent for _, sent in pairs]),
        load=load,
    )


def result_told(
    told: Sequence[Told], sent: Sequence[Sent], scenario: Scenario, load: float
) -> Result:
    """Return what a tool added that tells only the ends of its requests: means against means."""
    tokens = sum(len(entry) - 1 for entry in sent)
    _check_count(tokens, scenario)
    if len(told) != len(sent):
        raise ValueError(f"{len(told)} requests told, {len(sent)} sent")
    ttft_s = fmean(entry[1] - entry[0] for entry in sent) / 1e9
    gaps_s = fmean(entry[-1] - entry[1] for entry in sent) / 1e9
    span_s = max(entry.end_s for entry in told) - min(entry.start_s for entry in told)
    return Result(
        ttft_error_ms=1e3 * (fmean(entry.ttft_s for entry in told) - ttft_s),
        gap_error_percent=100 * (fmean(entry.gaps_s for entry in told) / gaps_s - 1),
        delay_p99_ms=None,
        tokens_per_s=tokens / span_s,
        sent_tokens_per_s=_sent_rate(sent),
        load=load,
    )


def _check_count(tokens: int, scenario: Scenario) -> None:
    if tokens != scenario.tokens * scenario.total:
        raise ValueError(f"{tokens} tokens instead of {scenario.tokens * scenario.total}")


def _sent_rate(sent: Sequence[Sent]) -> float:
    span_ns = max(entry[-1] for entry in sent) - min(entry[0] for entry in sent)
    return 1e9 * sum(len(entry) - 1 for entry in sent) / span_ns


def middle(results: Sequence[Result]) -> Result:
    """Return the medians over the rounds."""
    values: dict[str, list[Any]] = {
        field.name: [getattr(result, field.name) for result in results] for field in fields(Result)
    }
    medians: dict[str, Any] = {
        name: None if None in of else median(of) for name, of in values.items()
    }
    return Result(**medians)


def load_now() -> float:
    """Return the load of the machine in the last minute."""
    return os.getloadavg()[0]


NO_PEERS = {"aiohttp, parsed later"}
"""Our own method on another's transport, which nobody uses so: shown, and no bar."""

MIN_OF_SCHEDULE = 0.95
"""Share of the scheduled rate below which a level was slow."""

type Medians = dict[str, dict[str, Result]]
"""By the scenario's name and the client's."""


def bars(medians: Medians, own: str) -> list[tuple[str, bool]]:
    """Return what NOBS holds itself to, as measured, and whether it is met."""
    found = []
    for scenario, ttft_ms, gap_percent in (
        (ONE, 0.5, 0.05), (SOME, 1.5, 0.05), (MANY, 1.5, 0.05), (FAST, None, 0.5),
        (CROWD, 2.0, 0.5),
    ):  # fmt: skip
        rows = medians.get(scenario.name, {})
        if (ours := rows.get(workers_of(own) if scenario is CROWD else own)) is None:
            continue
        if ttft_ms is not None:
            text = f"TTFT error {ours.ttft_error_ms:+.2f} ms, at most {ttft_ms} ms"
            found.append((f"{scenario.name}: {text}", abs(ours.ttft_error_ms) <= ttft_ms))
        text = f"gap error {ours.gap_error_percent:+.3f} %, at most {gap_percent} %"
        found.append((f"{scenario.name}: {text}", abs(ours.gap_error_percent) <= gap_percent))
    for scenario in (FLOOD, DRIP):
        rows = medians.get(scenario.name, {})
        no_peers = {own, single_of(own), workers_of(own), *NO_PEERS}
        peers = [r.tokens_per_s for name, r in rows.items() if name not in no_peers]
        if own not in rows or not peers:
            continue
        rate = rows[own].tokens_per_s
        text = f"{rate:,.0f} tokens/s, at least 120,000"
        found.append((f"{scenario.name}: {text}", rate >= 120_000))
        text = f"{rate / max(peers):.1f} times the best peer, at least 1.5"
        found.append((f"{scenario.name}: {text}", rate >= 1.5 * max(peers)))
    return [*found, *_bars_of_blame(medians, own)]


def workers_of(own: str) -> str:
    """Return the name of our client that sends a load level from several processes."""
    return f"{own}, processes"


def _bars_of_blame(medians: Medians, own: str) -> Iterator[tuple[str, bool]]:
    """Yield whether our client calls itself the limit of a level that was slower than its schedule.

    The server followed its schedule by its own log.
    """
    rows = medians.get(CROWD.name, {})
    possible = CROWD.scheduled_tokens_per_s
    for name in (single_of(own), workers_of(own)):
        if (ours := rows.get(name)) is None:
            continue
        is_slow = ours.tokens_per_s < MIN_OF_SCHEDULE * possible
        limit = "itself" if ours.blames_itself else "nobody"
        text = f"{name}: {ours.tokens_per_s:,.0f} of {possible:,.0f} tokens/s, limit: {limit}"
        yield f"{CROWD.name}: {text}", bool(ours.blames_itself) or not is_slow


def single_of(own: str) -> str:
    """Return the name of our client that sends a load level from one process."""
    return f"{own}, one process"
