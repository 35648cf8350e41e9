"""Contradictions in the load levels of a served model."""

from collections.abc import Iterator

from nobs.tasks.chat.levels import Level
from nobs.tasks.chat.load_report import LoadLevel, LoadTable

SLACK = 1e-6


def load_contradictions_of(load: LoadTable) -> Iterator[str]:
    """Yield every contradiction within the levels, and between them and the saturation."""
    for number, level in enumerate(load.levels, start=1):
        yield from (f"load level {number}: {fault}" for fault in _check_level(level))
    beyond = [level for level in load.levels if (level.concurrency or 0) > (load.knee or 0)]
    if load.knee is not None and beyond and all(map(client_limit, beyond)):
        yield (f"load: knee is {load.knee}, but beyond it the client was the limit, not the server")


def client_limit(level: LoadLevel) -> str | None:
    """Return how the client limited `level`; None if it didn't, or in older reports."""
    return level.client.find_limit(level.median_latency_s) if level.client else None


def level_of(level: LoadLevel) -> Level:
    """Return what was asked of a level."""
    return Level(concurrency=level.concurrency, rate_per_s=level.rate_per_s)


def _check_level(level: LoadLevel) -> Iterator[str]:
    failed, cost = sum(level.failures.values()), level.client
    if failed > level.requests:
        yield f"{failed} failures are more than all {level.requests} requests"
    if cost is None:
        return
    if cost.cpu_cores > cost.processes * cost.cpu_share + SLACK:
        yield "client.cpu_cores is more than all processes at the share of the busiest one"
    if bool(cost.error) != bool(level.failures.get("client")):
        yield "client.error must be given if requests failed as `client`, and only then"
