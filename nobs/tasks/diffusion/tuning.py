"""Search for the fastest dtype, attention kernel, memory format, compilation and batch size."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import ClassVar

from nobs.schema.enums import Dtype
from nobs.tasks import tuning
from nobs.tasks.tuning import OutOfMemory


class Attention(StrEnum):
    """Kernels of torch's scaled dot product attention."""

    FLASH = "flash"
    EFFICIENT = "efficient"
    CUDNN = "cudnn"
    MATH = "math"
    """Matrix products and a softmax, without a fused kernel."""


KERNELS: Mapping[str, tuple[Attention, ...]] = {
    "cuda": (Attention.FLASH, Attention.EFFICIENT, Attention.CUDNN),
    # Torch itself chooses flash here.
    "cpu": (Attention.MATH,),
}
"""What is tried beside torch's own choice, by torch's name of the device; MPS has one kernel."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a loaded pipeline."""

    dtype: Dtype
    """Of text encoders and denoiser."""
    vae_dtype: Dtype
    batch_size: int
    attention: Attention | None = None
    """The denoiser's only kernel; None: torch chooses."""
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

    def find(
        self,
        dtypes: Sequence[Dtype],
        batch_size: int | None,
        *,
        compiles: bool,
        kernels: Sequence[Attention] = (),
    ) -> Settings:
        """Return the best settings; raises OutOfMemory if nothing fits."""
        deadline = self.clock() + self.budget_s
        size = batch_size or 1
        best = self.fastest(
            Settings(dtype=dtype, vae_dtype=vae_dtype_for(dtype), batch_size=size)
            for dtype in dtypes
        )
        if best is None:
            raise OutOfMemory(f"not even a batch of {size} fits")
        for change in _changes(kernels, compiles=compiles):
            if self.clock() >= deadline:
                self.stopped_by = "time"
                return best.settings
            best = self.fastest([change(best.settings)], best) or best
        if batch_size is not None:
            self.stopped_by = "the batch size was given"
            return best.settings
        return self.double(best, deadline).settings


def _changes(
    kernels: Sequence[Attention], *, compiles: bool
) -> Iterator[Callable[[Settings], Settings]]:
    for kernel in kernels:
        yield partial(replace, attention=kernel)
    yield lambda settings: replace(settings, channels_last=True)
    if compiles:
        yield lambda settings: replace(settings, compiled=True)
