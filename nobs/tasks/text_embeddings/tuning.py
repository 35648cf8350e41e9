"""Search for the fastest dtype, attention kernel and batch size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from nobs.schema.enums import Dtype
from nobs.tasks import tuning
from nobs.tasks.tuning import Outcome, OutOfMemory, Trial

START = 8
"""Rows of the first batches."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a model: dtype, attention kernel, batch size."""

    dtype: Dtype
    attention: str | None = None
    """Name in transformers; None: transformers chooses."""
    batch_size: int


class Search(tuning.Search[Settings]):
    """Finds dtype and kernel first, then the batch size; rates are rows/s."""

    RATE: ClassVar = "rows_per_s"
    LARGEST: ClassVar = 4096

    def find(
        self, formats: Sequence[tuple[Dtype, str | None]], batch_size: int | None
    ) -> Trial[Settings]:
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
            return self.double(best, deadline)
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

    def _find_format(
        self, formats: Sequence[tuple[Dtype, str | None]], size: int
    ) -> Trial[Settings] | None:
        return self.fastest(
            Settings(dtype=dtype, attention=attention, batch_size=size)
            for dtype, attention in formats
        )


def count_copies(rows: int, min_rows: int, rows_per_s: float, budget_s: float) -> int:
    """Return the copies of the texts to reach `min_rows`, fewer if a pass exceeds the budget."""
    wanted = -(-min_rows // rows)
    return max(1, min(wanted, int(budget_s * rows_per_s / rows)))
