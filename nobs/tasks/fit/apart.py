"""A growth whose sizes have a process each, so that load and peak are those of one size."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nobs.tasks.fit.process import growth_of, next_stop, not_loaded, reach
from nobs.tasks.fit.report import Estimate, FitPoint, Growth, Stop

PATIENCE = 3
"""A process that takes longer than the budget times this is ended."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How far a growth may go."""

    host_bytes: int
    """Resident memory at which a process is ended."""
    allowed: Callable[[], int]
    """Returns the bytes that a size may need, read again before each size."""
    budget_s: float
    """Seconds after which no further size is tried."""


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What a size needs at least, by the estimate."""

    estimate: Estimate
    per: int
    """Units that its slope is given for."""

    def bytes_of(self, size: int, points: Sequence[FitPoint]) -> int:
        """Return the bytes of `size`: the weights' and its own, or beyond the last point."""
        each = (self.estimate.slope_bytes or 0.0) / self.per
        if not points:
            return round(self.estimate.weights_bytes + each * size)
        return round(points[-1].peak_bytes + each * (size - points[-1].size))


def grow_apart(
    command: Sequence[str],
    order: dict[str, Any],
    sizes: Sequence[int],
    bounds: Bounds,
    guess: Guess,
) -> tuple[Growth, dict[str, Any]]:
    """Run `command` for each of `sizes` until one doesn't fit; return the growth and its facts.

    Facts are those of the last process that loaded the model. NobsError if none did.
    """
    start_s = time.monotonic()
    points: list[FitPoint] = []
    loads: list[dict[str, Any]] = []
    stop: dict[str, Any] = {"by": Stop.LARGEST, "at": None, "why": ""}
    for size in sizes:
        left_s = bounds.budget_s - (time.monotonic() - start_s)
        least = guess.bytes_of(size, points)
        if refused := next_stop(size, points, bounds.allowed(), left_s, least):
            stop = refused
            break
        found = reach(
            command, {**order, "sizes": [size]}, bounds.host_bytes, PATIENCE * bounds.budget_s
        )
        if not loads or found.facts is not None:
            loads.append(found.loaded())
        if found.stop["by"] != Stop.LARGEST:
            stop = {**found.stop, "at": size}
            break
        loaded = loads[-1]["loaded_bytes"]
        points += [point.model_copy(update={"loaded_bytes": loaded}) for point in found.points]
    if not loads:
        raise not_loaded(stop)
    return growth_of(loads[0], points, stop), loads[-1]
