"""The work of image generation: a pipeline of diffusers over the prompts."""

import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from nobs.errors import NobsError, is_exhausted
from nobs.schema.enums import Dtype
from nobs.schema.result import Calibration
from nobs.tasks.base import Bench, Work
from nobs.tasks.calibration import calibrate, free_memory, wait_for
from nobs.tasks.diffusion.cold_bench import ColdBench
from nobs.tasks.diffusion.correctness import Pictures
from nobs.tasks.diffusion.fit_bench import FitBench
from nobs.tasks.diffusion.flops import count_flops
from nobs.tasks.diffusion.layout import variant_of
from nobs.tasks.diffusion.memory import weights_bytes
from nobs.tasks.diffusion.params import (
    DiffusionColdParams,
    DiffusionFitParams,
    DiffusionMaxParams,
    DiffusionParams,
)
from nobs.tasks.diffusion.phases import Watch
from nobs.tasks.diffusion.pipeline import (
    Batch,
    describe,
    digest,
    draw_latents,
    load_pipeline,
    make_images,
    prepare,
    use_scheduler,
)
from nobs.tasks.diffusion.proof import prove
from nobs.tasks.diffusion.random_pipeline import build_pipeline
from nobs.tasks.diffusion.tuning import KERNELS, Search, Settings, vae_dtype_for
from nobs.tasks.room import check_room
from nobs.tasks.tuning import OutOfMemory, Refused
from nobs.units import format_bytes


class DiffusionBench(Bench):
    """Make the images of a workload with one pipeline."""

    def __init__(self, work: Work) -> None:
        if not isinstance(work.workload.params, DiffusionParams | DiffusionMaxParams):
            raise TypeError(f"{work.workload.label} has no parameters of image generation")
        self.work = work
        self.params = work.workload.params
        self.settings = self._first_settings()
        self.recipe = self.params.recipe_of(work.model.id)
        self.watch = Watch(work.torch_device)
        count = self.params.images
        self.prompts = [work.inputs[number % len(work.inputs)] for number in range(count)]
        self._pipe: Any = None
        self.latents = torch.empty(0)
        self.batches: list[Batch] = []
        self._runs: list[dict[str, Any]] = []
        self._found: dict[str, Any] = {}

    @property
    def pipe(self) -> Any:  # noqa: ANN401 - diffusers is untyped
        """The loaded pipeline."""
        if self._pipe is None:
            raise RuntimeError("load() comes first")
        return self._pipe

    def load(self) -> None:
        """Load the weights if they fit, and draw the latents of all images."""
        self._pipe = self._load(self.settings)
        use_scheduler(self._pipe, self.recipe, self.work.model.id)
        seeds = range(self.params.seed, self.params.seed + self.params.images)
        self.latents = draw_latents(self._pipe, self.recipe, seeds)

    def _load(self, settings: Settings) -> Any:  # noqa: ANN401
        work, dtype, vae_dtype = self.work, settings.dtype, settings.vae_dtype
        if work.model.random is not None:
            return build_pipeline(
                work.model, dtype=dtype, vae_dtype=vae_dtype, device=work.torch_device
            )
        variant = variant_of(work.model_path, work.model, "Run `nobs prefetch --force`.")
        needed = weights_bytes(work.model_path, variant, dtype, vae_dtype)
        what = f"The weights of {work.model.id} take {format_bytes(needed)} in {dtype}"
        check_room(what, needed, work.torch_device)
        return load_pipeline(
            work.model_path, name=work.model.id, variant=variant, dtype=dtype,
            vae_dtype=vae_dtype, device=work.torch_device,
        )  # fmt: skip

    def warm_up(self) -> None:
        """Make the first image, whose time is reported; tune; make a batch of each size."""
        start = time.perf_counter()
        self._make(0, 1)
        self.synchronize()
        self._found["first_image_s"] = time.perf_counter() - start
        if isinstance(self.params, DiffusionMaxParams):
            self._tune(self.params)
        sizes = {len(batch) for batch in self._slices()} - {1}
        for size in sorted(sizes):
            self._make(0, size)

    def run(self) -> int:
        """Make all images; return how many."""
        self.watch.restart()
        with self.watch.on(self.pipe.unet):
            self.batches = [self._make(part.start, part.stop) for part in self._slices()]
        self._runs.append(
            {**{f"{stage}_s": spent for stage, spent in self.watch.seconds.items()},
             "denoiser_calls": self.watch.calls,
             "denoised_latents": self.watch.evaluations}
        )  # fmt: skip
        return len(self.prompts)

    def make_next(self) -> None:
        """Make the next image of a pass, alone, instead of whole passes."""
        number = len(self.batches)
        self.batches.append(self._make(number, number + 1))
        self.synchronize()

    def keep(self, repeats: int) -> None:
        """Drop the times of an interrupted pass."""
        del self._runs[repeats:]

    def synchronize(self) -> None:
        """Wait for the device's queue."""
        wait_for(self.work.torch_device)

    def calibrate(self, like: Calibration | None) -> Calibration:
        """Measure the device's peaks in the dtype of the denoiser."""
        return calibrate(self.work.torch_device, self.settings.dtype, like)

    def restore(self) -> None:
        """Make a batch, so that an accelerator's allocator holds enough memory again."""
        if self.work.torch_device != "cpu":
            self._make(0, self._slices()[0].stop)

    def profile(self, pass_s: float) -> None:
        """Time the steps of one batch, and count FLOPs.

        A CPU has no queue: the steps of the last pass were timed already.
        """
        watch = self.watch
        if self.work.torch_device != "cpu":
            watch.every_step = True
            watch.restart()
            with watch.on(self.pipe.unet):
                self._make(0, self._slices()[0].stop)
            watch.every_step = False
        starts = watch.starts[: watch.calls // len(watch.ends)]
        ends = [*starts[1:], watch.ends[0]]
        self._found["steps_s"] = [end - start for start, end in zip(starts, ends, strict=True)]
        self._found |= count_flops(self.pipe, self.recipe)

    def facts(self) -> dict[str, Any]:
        """Return facts read back from pipeline and output; raises if the pictures are wrong."""
        return {
            **describe(self.pipe),
            "recipe": self.recipe.model_dump(),
            "batch_size": self.settings.batch_size,
            "attention_kernel": self.settings.attention,
            "channels_last": self.settings.channels_last,
            "compiled": self.settings.compiled,
            "images": len(self.prompts),
            "latents_sha256": digest(self.latents),
            "cut_prompts": self._count_cut(),
            "all_runs": self._runs,
            **self._found,
            **prove(self.work, self.recipe, self._pictures(), self.settings.dtype),
        }

    def close(self) -> None:
        """Drop pipeline and output."""
        self._pipe = None
        self.batches = []

    def _first_settings(self) -> Settings:
        """Return the pinned settings, or those to try first."""
        params, on_cpu = self.params, self.work.torch_device == "cpu"
        if isinstance(params, DiffusionMaxParams):
            dtype = params.dtype or Dtype.BFLOAT16
            vae_dtype, size = vae_dtype_for(dtype), params.batch_size or 1
            return Settings(dtype=dtype, vae_dtype=vae_dtype, batch_size=size)
        dtype = params.dtype or (Dtype.FLOAT32 if on_cpu else Dtype.FLOAT16)
        return Settings(dtype=dtype, vae_dtype=params.vae_dtype, batch_size=params.batch_size)

    def _tune(self, params: DiffusionMaxParams) -> None:
        """Find the best settings and use them."""
        start, on_cpu = time.perf_counter(), self.work.torch_device == "cpu"
        search = Search(measure=self.measure, budget_s=params.tuning_budget_s)
        dtypes = (params.dtype,) if params.dtype else (Dtype.BFLOAT16, Dtype.FLOAT32)
        if not params.dtype and not on_cpu:
            dtypes = (Dtype.BFLOAT16, Dtype.FLOAT16)
        # On CPUs compiling takes longer than the images of a pass.
        compiles = params.compiles if params.compiles is not None else not on_cpu
        kernels = KERNELS.get(self.work.torch_device, ())
        best = search.find(dtypes, params.batch_size, compiles=compiles, kernels=kernels)
        self._use(best)
        self._found["tuning"] = {
            "stopped_by": search.stopped_by,
            "duration_s": time.perf_counter() - start,
            "trials": search.describe(),
        }

    def _use(self, settings: Settings) -> None:
        """Load the pipeline with these settings unless it already has them."""
        old, self.settings = self.settings, settings
        if replace(old, batch_size=1) == replace(settings, batch_size=1):
            return
        self._pipe = None
        free_memory(self.work.torch_device)
        self._pipe = prepare(self._load(settings), settings)

    def measure(self, settings: Settings) -> float:
        """Return the images per minute of one batch, after an untimed one of its shape."""
        try:
            self._use(settings)
            for _ in range(2):
                start = time.perf_counter()
                self._make(0, settings.batch_size)
                self.synchronize()
                spent = time.perf_counter() - start
        except (RuntimeError, ImportError, NobsError) as error:
            if is_exhausted(error):
                free_memory(self.work.torch_device)
                raise OutOfMemory(str(error)) from error
            raise Refused(str(error)) from error
        return 60 * settings.batch_size / spent

    def _pictures(self) -> Pictures:
        """Return what the last pass made."""
        made = [batch.arrays() for batch in self.batches]
        return Pictures(
            prompts=tuple(self.prompts),
            starts=tuple(map(digest, self.latents)),
            latents=np.concatenate([latents for latents, _ in made]),
            images=np.concatenate([images for _, images in made]),
        )

    def _slices(self) -> list[range]:
        size, count = self.settings.batch_size, len(self.prompts)
        return [range(start, min(start + size, count)) for start in range(0, count, size)]

    def _make(self, first: int, last: int) -> Batch:
        part = slice(first, last)
        return make_images(
            self.pipe, self.recipe, self.prompts[part], self.latents[part], self.watch
        )

    def _count_cut(self) -> int:
        """Return how many prompts have more tokens than the text encoder reads."""
        tokenizer = self.pipe.tokenizer
        lengths = (len(tokenizer(text).input_ids) for text in set(self.prompts))
        return sum(length > tokenizer.model_max_length for length in lengths)


def make_bench(work: Work) -> DiffusionBench | ColdBench | FitBench:
    """Return the bench of the workload's kind."""
    if isinstance(work.workload.params, DiffusionFitParams):
        return FitBench(work)
    if isinstance(work.workload.params, DiffusionColdParams):
        return ColdBench(work)
    return DiffusionBench(work)
