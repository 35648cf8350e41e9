"""Contradictions in the load levels of a served model."""

import math
from collections.abc import Iterator

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


def is_same(one: object, other: object, tolerance: float = SLACK) -> bool:
    """Return whether two values are equal, numbers within `tolerance`."""
    if isinstance(one, float | int) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
    return one == other


def _check_level(level: LoadLevel) -> Iterator[str]:
    cost = level.client
    if level.failed > level.requests:
        yield f"{level.failed} failures are more than all {level.requests} requests"
    if cost is None:
        return
    if cost.cpu_cores > cost.processes * cost.cpu_share + SLACK:
        yield "client.cpu_cores is more than all processes at the share of the busiest one"
    if bool(cost.error) != bool(level.failures.get("client")):
        yield "client.error must be given if requests failed as `client`, and only then"
