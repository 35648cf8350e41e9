"""What the server's own figures explain, as lines of at most 80 columns."""

from collections.abc import Iterator, Sequence

from nobs.tasks.chat.load_report import LoadLevel
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.chat.server_report import ServerWindow
from nobs.text import to_line
from nobs.units import format_share

BROKEN = ("/metrics: too large", "/metrics has known names")
"""Beginnings of reasons why figures of a server with metrics are missing; others have no line."""
FULL = 0.9
"""Share of the KV cache from which it is named as a limit."""


def server_lines(model: ChatModelReport) -> Iterator[str]:
    """Yield the figures of the repeats, then why the load levels are as they are."""
    metrics = model.server_metrics
    if metrics is None:
        return
    if metrics.kind is None:
        # Most servers have no metrics, or answer any path with something.
        if metrics.absent.startswith(BROKEN):
            yield f"  no figures of the server: {to_line(metrics.absent, 100)}"
        return
    if metrics.repeats is not None and (said := ", ".join(_gauges(metrics.repeats))):
        yield f"  {to_line(metrics.kind, 12)}: {said}"
    if metrics.repeats is not None and metrics.repeats.cached_tokens:
        yield f"  {metrics.repeats.cached_tokens} input tokens came from its prefix cache"
    levels = [level for level in (model.load.levels if model.load else ()) if level.server]
    at_once = [level for level in levels if level.rate_per_s is None]
    arriving = [level for level in levels if level.rate_per_s is not None]
    yield from _explain_queue(sorted(at_once, key=lambda level: level.concurrency or 0))
    yield from _explain_queue(sorted(arriving, key=lambda level: level.rate_per_s or 0.0))
    yield from _explain_cache(levels)


def _gauges(window: ServerWindow) -> Iterator[str]:
    if window.running_max is not None:
        yield f"at most {window.running_max} running"
    if window.waiting_max is not None:
        yield f"{window.waiting_max} waiting"
    if window.kv_usage_max is not None:
        yield f"KV cache {format_share(window.kv_usage_max, 0)} full"
    if window.preemptions:
        yield f"{window.preemptions} preemptions"


def _explain_queue(levels: Sequence[LoadLevel]) -> Iterator[str]:
    """Yield from which of ascending levels on the server had a queue, and its batch there."""
    before: LoadLevel | None = None
    for level in levels:
        window = level.server
        if window is None or not window.waiting_max:
            before = level
            continue
        if before is None:
            yield f"  the server's queue had up to {window.waiting_max} at {level.asked}"
        else:
            yield (
                f"  the server's queue grew from 0 at {before.asked} to {window.waiting_max}"
                f" at {level.asked}"
            )
        if window.running_max:
            yield f"  it computed at most {window.running_max} requests at once: a full batch"
        return


def _explain_cache(levels: Sequence[LoadLevel]) -> Iterator[str]:
    """Yield the level with the fullest KV cache, if it was full or requests were interrupted."""
    for level in sorted(levels, key=_fullness, reverse=True)[:1]:
        usage, preemptions = _fullness(level)[1], (level.server and level.server.preemptions) or 0
        if usage < FULL and not preemptions:
            return
        full = f"KV cache {format_share(usage, 0)} full, " if usage else ""
        yield f"  {full}{preemptions} preemptions at {level.asked}"


def _fullness(level: LoadLevel) -> tuple[int, float]:
    window = level.server
    return ((window.preemptions or 0), (window.kv_usage_max or 0.0)) if window else (0, 0.0)
