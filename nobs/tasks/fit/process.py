"""Processes whose memory grows: started, watched and ended before the machine swaps."""

import json
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

from nobs.errors import NobsError, is_exhausted
from nobs.system.child import child
from nobs.tasks.fit.report import Estimate, FitPoint, Growth, Stop
from nobs.units import format_bytes, format_seconds

LOOK_EVERY_S = 0.02
LAST_CHARACTERS = 500
PATIENCE = 3
"""A process that takes longer than the budget times this is ended."""


class Watch(threading.Thread):
    """Ends a process whose resident memory exceeds a limit, or that takes too long."""

    def __init__(self, process: Any, limit_bytes: int, limit_s: float) -> None:  # noqa: ANN401
        super().__init__(daemon=True)
        self.ended_by: Stop | None = None
        self.highest = 0
        self._process, self._limit, self._limit_s = process, limit_bytes, limit_s
        self._done = threading.Event()

    def run(self) -> None:
        """Look until the process or the watch has ended."""
        with suppress(psutil.NoSuchProcess):
            seen = psutil.Process(self._process.pid)
            waited_s = 0.0
            while not self._done.wait(LOOK_EVERY_S):
                waited_s += LOOK_EVERY_S
                self.highest = max(self.highest, seen.memory_info().rss)
                if self.highest > self._limit or waited_s > self._limit_s:
                    self.ended_by = Stop.LIMIT if self.highest > self._limit else Stop.TIME
                    self._process.kill()
                    return

    def stop(self) -> None:
        """End the watch."""
        self._done.set()
        self.join()


@dataclass(frozen=True, kw_only=True)
class Reached:
    """What a process reached before it ended."""

    points: tuple[FitPoint, ...]
    facts: dict[str, Any] | None
    """What it said once the model was loaded; None if it wasn't."""
    stop: dict[str, Any]
    """Why it stopped: `by`, `at` and `why`, as in `Growth`."""

    def loaded(self) -> dict[str, Any]:
        """Return the facts; NobsError if the model didn't load."""
        if self.facts is None:
            raise not_loaded(self.stop)
        return self.facts


def not_loaded(stop: dict[str, Any]) -> NobsError:
    """Return the error of a model that didn't fit at all."""
    return NobsError(
        f"The model didn't load: {stop['why'] or stop['by']}.",
        "Free some memory, or choose a smaller --model.",
    )


def growth_of(facts: dict[str, Any], points: Sequence[FitPoint], stop: dict[str, Any]) -> Growth:
    """Return the growth of processes that loaded with `facts`, reached `points` and stopped."""
    return Growth(
        before_bytes=facts["before_bytes"], loaded_bytes=facts["loaded_bytes"],
        points=tuple(points), stopped_by=Stop(stop["by"]), stopped_at=stop["at"],
        why=stop["why"],
    )  # fmt: skip


def grow(
    command: Sequence[str], order: dict[str, Any], limit_bytes: int, limit_s: float
) -> tuple[Growth, dict[str, Any]]:
    """Grow in one process, see `reach`; return what it reached, and its facts."""
    found = reach(command, order, limit_bytes, limit_s)
    facts = found.loaded()
    return growth_of(facts, found.points, found.stop), facts


def reach(
    command: Sequence[str], order: dict[str, Any], limit_bytes: int, limit_s: float
) -> Reached:
    """Run `command`, which gets `order` as JSON, with the `sizes` to try.

    It prints one JSON object per line: first `loaded`, with facts, then one per size, at last
    why it stopped. NobsError if it breaks for another reason than memory or time.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        with child(command, own_session=False, stdin=-1, stderr=errors) as process:
            watch = Watch(process, limit_bytes, limit_s)
            watch.start()
            try:
                out, _ = process.communicate(json.dumps(order))
            finally:
                watch.stop()
        errors.seek(0)
        said = errors.read().strip()
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    points = tuple(FitPoint(**line["point"]) for line in lines if "point" in line)
    facts = next((line["loaded"] for line in lines if "loaded" in line), None)
    stop = next((line["stop"] for line in lines if "stop" in line), None)
    if stop is None:
        stop = _ending(process.returncode, watch, order["sizes"], points, said)
    return Reached(points=points, facts=facts, stop=stop)


def _ending(
    code: int, watch: Watch, sizes: Sequence[int], points: Sequence[FitPoint], said: str
) -> dict[str, Any]:
    """Return why a process ended that didn't say so; NobsError if not by its memory."""
    at = sizes[min(len(points), len(sizes) - 1)]
    if watch.ended_by is Stop.LIMIT:
        why = f"its memory reached {format_bytes(watch.highest)} and it was ended"
        return {"by": Stop.LIMIT, "at": at, "why": why}
    if watch.ended_by is Stop.TIME:
        return {"by": Stop.TIME, "at": at, "why": "it took too long and was ended"}
    if code == -9:
        return {"by": Stop.KILLED, "at": at, "why": "the system ended the process"}
    for line in said.splitlines():
        if is_exhausted(RuntimeError(line)):
            return {"by": Stop.OUT_OF_MEMORY, "at": at, "why": line.strip()}
    raise NobsError(
        f"The process that tries the sizes ended with exit code {code}: {said[-LAST_CHARACTERS:]}",
        "Measure it with --profile standard or quick to see whether it runs at all.",
    )


def next_stop(
    size: int,
    points: Sequence[FitPoint],
    limit_bytes: int,
    left_s: float,
    least_bytes: int = 0,
) -> dict[str, Any] | None:
    """Return why `size` shall not be tried, from the sizes before it; None if it shall.

    `least_bytes` is what an estimate says it needs: two sizes show no slope yet, one none at all.
    """
    if left_s <= 0:
        return {"by": Stop.TIME, "at": size, "why": f"{format_seconds(-left_s)} over the budget"}
    expected = max(least_bytes, _expected_bytes(size, points) if points else 0)
    if expected <= limit_bytes:
        return None
    why = f"would need about {format_bytes(expected)}, {format_bytes(limit_bytes)} are allowed"
    return {"by": Stop.LIMIT, "at": size, "why": why}


def _expected_bytes(size: int, points: Sequence[FitPoint]) -> int:
    """Return the peak of `size` on the line through the first and the last point."""
    last, first = points[-1], points[0]
    grown = max(0, last.peak_bytes - first.peak_bytes)
    per_unit = grown / (last.size - first.size) if last.size > first.size else 0.0
    return round(last.peak_bytes + per_unit * (size - last.size))


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
