"""Search for the fastest dtype, memory format, compilation and batch size."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from nobs.schema.base import Dtype
from nobs.tasks.tuning import Outcome, OutOfMemory, Refused

LARGEST = 8
GAIN = 1.02
"""Minimum speedup that counts as faster; less is noise."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a loaded pipeline."""

    dtype: Dtype
    """Of text encoders and denoiser."""
    vae_dtype: Dtype
    batch_size: int
    channels_last: bool = False
    """Whether the weights of convolutions are stored with channels last."""
    compiled: bool = False
    """Whether `torch.compile` compiled the denoiser."""


def vae_dtype_for(dtype: Dtype) -> Dtype:
    """Return the dtype of the decoder: that of SDXL overflows in float16."""
    return Dtype.FLOAT32 if dtype is Dtype.FLOAT16 else dtype


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One measured combination of settings."""

    settings: Settings
    outcome: Outcome
    images_per_minute: float | None = None


@dataclass(kw_only=True)
class Search:
    """Tries one change after the other and keeps what is faster; keeps all trials."""

    measure: Callable[[Settings], float]
    """Returns images per minute; raises OutOfMemory or Refused."""
    budget_s: float
    """After these seconds no further trial starts."""
    clock: Callable[[], float] = time.perf_counter
    trials: list[Trial] = field(default_factory=list)
    stopped_by: str = ""

    def find(self, dtypes: Sequence[Dtype], batch_size: int | None, *, compiles: bool) -> Settings:
        """Return the best settings; raises OutOfMemory if nothing fits."""
        deadline = self.clock() + self.budget_s
        size = batch_size or 1
        best: Trial | None = None
        for dtype in dtypes:
            vae_dtype = vae_dtype_for(dtype)
            best = self._better(Settings(dtype=dtype, vae_dtype=vae_dtype, batch_size=size), best)
        if best is None:
            raise OutOfMemory(f"not even a batch of {size} fits")
        for change in _changes(compiles=compiles):
            if self.clock() >= deadline:
                self.stopped_by = "time"
                return best.settings
            best = self._better(change(best.settings), best) or best
        if batch_size is not None:
            self.stopped_by = "the batch size was given"
            return best.settings
        return self._double(best, deadline).settings

    def describe(self) -> list[dict[str, Any]]:
        """Return all trials in order as flat dictionaries."""
        return [
            {**asdict(trial.settings), "outcome": trial.outcome,
             "images_per_minute": trial.images_per_minute}
            for trial in self.trials
        ]  # fmt: skip

    def _double(self, best: Trial, deadline: float) -> Trial:
        """Double the batch size while it gets faster and fits."""
        while True:
            size = best.settings.batch_size * 2
            if size > LARGEST or self.clock() >= deadline:
                self.stopped_by = "the largest batch" if size > LARGEST else "time"
                return best
            better = self._better(replace(best.settings, batch_size=size), best)
            if better is best or better is None:
                last = self.trials[-1].outcome
                self.stopped_by = "throughput" if last is Outcome.OK else "memory"
                return best
            best = better

    def _better(self, settings: Settings, best: Trial | None) -> Trial | None:
        """Try the settings; return the faster trial."""
        try:
            rate = self.measure(settings)
            trial = Trial(settings=settings, outcome=Outcome.OK, images_per_minute=rate)
        except OutOfMemory:
            trial = Trial(settings=settings, outcome=Outcome.OUT_OF_MEMORY)
        except Refused:
            trial = Trial(settings=settings, outcome=Outcome.REFUSED)
        self.trials.append(trial)
        if trial.images_per_minute is None:
            return best
        least = GAIN * (best.images_per_minute or 0.0) if best else 0.0
        return trial if trial.images_per_minute > least else best


def _changes(*, compiles: bool) -> Iterator[Callable[[Settings], Settings]]:
    yield lambda settings: replace(settings, channels_last=True)
    if compiles:
        yield lambda settings: replace(settings, compiled=True)
