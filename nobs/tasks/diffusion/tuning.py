"""Search for the fastest dtype, memory format, compilation and batch size."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from nobs.schema.base import Dtype
from nobs.tasks import tuning
from nobs.tasks.tuning import OutOfMemory


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


class Search(tuning.Search[Settings]):
    """Tries one change after the other; rates are images per minute."""

    RATE: ClassVar = "images_per_minute"
    LARGEST: ClassVar = 8

    def find(self, dtypes: Sequence[Dtype], batch_size: int | None, *, compiles: bool) -> Settings:
        """Return the best settings; raises OutOfMemory if nothing fits."""
        deadline = self.clock() + self.budget_s
        size = batch_size or 1
        best = self.fastest(
            Settings(dtype=dtype, vae_dtype=vae_dtype_for(dtype), batch_size=size)
            for dtype in dtypes
        )
        if best is None:
            raise OutOfMemory(f"not even a batch of {size} fits")
        for change in _changes(compiles=compiles):
            if self.clock() >= deadline:
                self.stopped_by = "time"
                return best.settings
            best = self.fastest([change(best.settings)], best) or best
        if batch_size is not None:
            self.stopped_by = "the batch size was given"
            return best.settings
        return self.double(best, deadline).settings


def _changes(*, compiles: bool) -> Iterator[Callable[[Settings], Settings]]:
    yield lambda settings: replace(settings, channels_last=True)
    if compiles:
        yield lambda settings: replace(settings, compiled=True)
