"""Search for the fastest dtype, attention kernel and batch size."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from nobs.schema.base import Dtype
from nobs.tasks.tuning import Outcome, OutOfMemory, Refused

START = 8
"""Rows of the first batches."""
LARGEST = 4096
GAIN = 1.02
"""Minimum speedup that counts as faster; less is noise."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a model: dtype, attention kernel, batch size."""

    dtype: Dtype
    attention: str | None = None
    """Name in transformers; None: transformers chooses."""
    batch_size: int


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One measured combination of settings."""

    settings: Settings
    outcome: Outcome
    rows_per_s: float | None = None


@dataclass(kw_only=True)
class Search:
    """Tries settings until throughput stops growing; keeps all trials."""

    measure: Callable[[Settings], float]
    """Returns rows/s; raises OutOfMemory or Refused."""
    budget_s: float
    """After these seconds no further trial starts."""
    clock: Callable[[], float] = time.perf_counter
    trials: list[Trial] = field(default_factory=list)
    stopped_by: str = ""

    def find(self, formats: Sequence[tuple[Dtype, str | None]], batch_size: int | None) -> Trial:
        """Return the best trial: first the dtype and kernel, then the batch size unless given.

        Raises OutOfMemory if nothing fits.
        """
        deadline = self.clock() + self.budget_s
        size = batch_size or START
        best = self._find_format(formats, size)
        while best is None and size > 1 and batch_size is None:
            size //= 2
            best = self._find_format(formats, size)
        if best is None:
            raise OutOfMemory(f"not even a batch of {size} fits")
        if batch_size is None:
            return self._double(best, deadline)
        self.stopped_by = "the batch size was given"
        return best

    def shrink(self, settings: Settings, warm: Callable[[Settings], None]) -> Settings:
        """Halve the batch size until `warm`, which encodes the longest batch, fits into memory."""
        while True:
            try:
                warm(settings)
            except OutOfMemory:
                self.trials.append(Trial(settings=settings, outcome=Outcome.OUT_OF_MEMORY))
                if settings.batch_size == 1:
                    raise
                settings = replace(settings, batch_size=settings.batch_size // 2)
                self.stopped_by = "memory"
            else:
                return settings

    def describe(self) -> list[dict[str, Any]]:
        """Return all trials in order as flat dictionaries."""
        return [
            {**asdict(trial.settings), "outcome": trial.outcome, "rows_per_s": trial.rows_per_s}
            for trial in self.trials
        ]

    def _find_format(self, formats: Sequence[tuple[Dtype, str | None]], size: int) -> Trial | None:
        best: Trial | None = None
        for dtype, attention in formats:
            trial = self._try(Settings(dtype=dtype, attention=attention, batch_size=size))
            best = trial if _is_faster(trial, best) else best
        return best

    def _double(self, best: Trial, deadline: float) -> Trial:
        """Double the batch size while it gets faster and fits."""
        while True:
            size = best.settings.batch_size * 2
            if size > LARGEST or self.clock() >= deadline:
                self.stopped_by = "the largest batch" if size > LARGEST else "time"
                return best
            trial = self._try(replace(best.settings, batch_size=size))
            if not _is_faster(trial, best):
                self.stopped_by = "throughput" if trial.outcome is Outcome.OK else "memory"
                return best
            best = trial

    def _try(self, settings: Settings) -> Trial:
        try:
            rate = self.measure(settings)
            trial = Trial(settings=settings, outcome=Outcome.OK, rows_per_s=rate)
        except OutOfMemory:
            trial = Trial(settings=settings, outcome=Outcome.OUT_OF_MEMORY)
        except Refused:
            trial = Trial(settings=settings, outcome=Outcome.REFUSED)
        self.trials.append(trial)
        return trial


def _is_faster(trial: Trial, best: Trial | None) -> bool:
    if trial.rows_per_s is None:
        return False
    return best is None or trial.rows_per_s > GAIN * (best.rows_per_s or 0.0)


def count_copies(rows: int, min_rows: int, rows_per_s: float, budget_s: float) -> int:
    """Return the copies of the texts to reach `min_rows`, fewer if a pass exceeds the budget."""
    wanted = -(-min_rows // rows)
    return max(1, min(wanted, int(budget_s * rows_per_s / rows)))
