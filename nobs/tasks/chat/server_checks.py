"""Compare the server's own figures with the client's: other users, other counts, faults."""

from collections.abc import Iterator
from dataclasses import dataclass

from nobs.schema.flags import Flag, FlagName
from nobs.tasks.chat.load_report import LoadLevel
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.chat.server_report import ServerWindow

MAX_OFF = 0.02
"""Difference of two counts, as a share, up to which they agree."""
MAX_OFF_TOKENS = 2
"""Difference of the tokens of one request: servers differ in counting the end token."""

REPEATS = "in the repeats"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What the client sent within one window, and what the server says about it."""

    when: str
    server: ServerWindow
    requests: int
    failed: int
    in_flight: int
    """Most requests that the client had in flight."""
    tokens: int | None
    """Of the answers, as the server counted each of them; None if it didn't."""

    @property
    def is_repeats(self) -> bool:
        """Whether it is the window of the repeats."""
        return self.when == REPEATS

    def find_others(self) -> str:
        """Return why other clients must have used the server meanwhile; empty if none did."""
        server = self.server
        if server.requests is not None:
            if server.requests > self.requests:
                return f"it served {server.requests} requests, {self.requests} were ours"
        elif server.running_before:
            return f"{server.running_before} requests were running before ours"
        elif (server.running_max or 0) > self.in_flight:
            return f"{server.running_max} requests were running, at most {self.in_flight} were ours"
        return ""

    def find_difference(self) -> str:
        """Return which count of the server isn't ours; empty if all agree or can't be compared."""
        server = self.server
        if self.failed or self.find_others():
            return ""
        missing = self.requests - (self.requests if server.requests is None else server.requests)
        if missing > max(1, MAX_OFF * self.requests):
            return f"{server.requests} requests, but {self.requests} were answered"
        if self.tokens is None or server.output_tokens is None:
            return ""
        off = abs(server.output_tokens - self.tokens)
        if off > max(MAX_OFF * self.tokens, MAX_OFF_TOKENS * self.requests):
            return f"{server.output_tokens} output tokens, but its answers have {self.tokens}"
        return ""


def sent_of(model: ChatModelReport) -> Iterator[Sent]:
    """Yield each window that has figures of the server: the repeats, then the load levels."""
    metrics = model.server_metrics
    if metrics is not None and metrics.repeats is not None:
        yield Sent(
            when=REPEATS, server=metrics.repeats, requests=model.requests or 0,
            failed=sum(model.failures.values()), in_flight=1,
            tokens=model.total_output_tokens if _is_counted(model) else None,
        )  # fmt: skip
    for level in model.load.levels if model.load else ():
        if level.server is not None:
            is_counted = _is_counted(model) and not level.unreconciled and not level.ended_early
            rate = level.tokens_per_sec if is_counted else None
            yield Sent(
                when=f"at {level.asked}", server=level.server, requests=level.requests,
                failed=level.failed, in_flight=_most_in_flight(model, level),
                tokens=None if rate is None else round(rate * level.duration_s),
            )  # fmt: skip


def _most_in_flight(model: ChatModelReport, level: LoadLevel) -> int:
    """Return how many requests of the level can have been in flight.

    Those of several clients are known by clocks that don't quite agree.
    """
    if model.load is None or model.load.merged is None:
        return level.max_in_flight
    return level.concurrency or level.requests


def _is_counted(model: ChatModelReport) -> bool:
    """Return whether all tokens were counted by the server, without contradictions."""
    return not model.unreconciled and {*model.token_count_sources} <= {"usage", "timings"}


def server_flags(model: ChatModelReport) -> Iterator[Flag]:
    """Yield that other clients used the server, or that its counts aren't the client's."""
    windows = list(sent_of(model))
    if model.load and model.load.share:
        # The server's figures of its levels are those of all clients.
        windows = [sent for sent in windows if sent.is_repeats]
    for sent in windows:
        if others := sent.find_others():
            yield Flag.warning(
                FlagName.SHARED_SERVER, f"Other clients used the server {sent.when}: {others}."
            )
            break
    for sent in windows:
        if difference := sent.find_difference():
            yield Flag.warning(
                FlagName.SERVER_DISAGREES, f"The server's /metrics count {difference} {sent.when}."
            )
            break


def contradictions_of_server(model: ChatModelReport) -> Iterator[str]:
    """Yield figures of a server that can't be."""
    metrics = model.server_metrics
    if metrics is not None and bool(metrics.kind) == bool(metrics.absent):
        yield "server_metrics: it must have either a kind or a reason"
    for sent in sent_of(model):
        yield from (f"server's figures {sent.when}: {fault}" for fault in _faults(sent.server))


def _faults(window: ServerWindow) -> Iterator[str]:
    for name, value in window.model_dump().items():
        if value is not None and value < 0:
            yield f"{name} is negative"
    if window.reads < 1:
        yield "there are none without a read"
    if window.kv_usage_max is not None and window.kv_usage_max > 1:
        yield "kv_usage_max is more than 1"
    for name in ("running", "waiting"):
        mean, most = getattr(window, f"{name}_mean"), getattr(window, f"{name}_max")
        if (mean is None) != (most is None) or (mean or 0) > (most or 0) + 0.5:
            yield f"{name}_mean doesn't fit {name}_max"
