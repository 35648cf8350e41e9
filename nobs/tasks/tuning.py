"""The search for the fastest settings: what tasks try differs, how trials end doesn't."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar, Protocol

GAIN = 1.02
"""Minimum speedup that counts as faster; less is noise."""


class Outcome(StrEnum):
    """How a trial ended."""

    OK = "ok"
    OUT_OF_MEMORY = "out of memory"
    REFUSED = "refused"
    """The model can't be loaded or compiled with these settings."""


class OutOfMemory(Exception):
    """A batch doesn't fit into memory: a result of the search, not an error."""


class Refused(Exception):
    """These settings can't be used here: a result of the search, not an error."""


class Batched(Protocol):
    """Settings of a loaded model: a dataclass with a batch size among its fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def batch_size(self) -> int:
        """Rows or images per batch."""


@dataclass(frozen=True, kw_only=True)
class Trial[S: Batched]:
    """One measured combination of settings."""

    settings: S
    outcome: Outcome
    rate: float | None = None


@dataclass(kw_only=True)
class Search[S: Batched]:
    """Tries settings and keeps what is faster; keeps all trials."""

    RATE: ClassVar[str]
    """Name of the rate in the report."""
    LARGEST: ClassVar[int]
    """Batch size that isn't exceeded."""

    measure: Callable[[S], float]
    """Returns the rate; raises OutOfMemory or Refused."""
    budget_s: float
    """After these seconds no further trial starts."""
    clock: Callable[[], float] = time.perf_counter
    trials: list[Trial[S]] = field(default_factory=list)
    stopped_by: str = ""

    def describe(self) -> list[dict[str, Any]]:
        """Return all trials in order as flat dictionaries."""
        return [
            {**asdict(trial.settings), "outcome": trial.outcome, self.RATE: trial.rate}
            for trial in self.trials
        ]

    def fastest(self, choices: Iterable[S], best: Trial[S] | None = None) -> Trial[S] | None:
        """Try all `choices`; return the fastest trial, `best` included."""
        for settings in choices:
            trial = self._try(settings)
            best = trial if _is_faster(trial, best) else best
        return best

    def double(self, best: Trial[S], deadline: float) -> Trial[S]:
        """Double the batch size while it gets faster and fits."""
        while True:
            size = best.settings.batch_size * 2
            if size > self.LARGEST or self.clock() >= deadline:
                self.stopped_by = "the largest batch" if size > self.LARGEST else "time"
                return best
            trial = self._try(replace(best.settings, batch_size=size))
            if not _is_faster(trial, best):
                self.stopped_by = "throughput" if trial.outcome is Outcome.OK else "memory"
                return best
            best = trial

    def _try(self, settings: S) -> Trial[S]:
        try:
            trial = Trial(settings=settings, outcome=Outcome.OK, rate=self.measure(settings))
        except OutOfMemory:
            trial = Trial(settings=settings, outcome=Outcome.OUT_OF_MEMORY)
        except Refused:
            trial = Trial(settings=settings, outcome=Outcome.REFUSED)
        self.trials.append(trial)
        return trial


def _is_faster[S: Batched](trial: Trial[S], best: Trial[S] | None) -> bool:
    if trial.rate is None:
        return False
    return best is None or trial.rate > GAIN * (best.rate or 0.0)
