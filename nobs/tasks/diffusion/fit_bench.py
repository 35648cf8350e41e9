"""Does it fit: each repeat makes larger and larger batches, in a new process for each size."""

import json
import sys
from typing import Any

import torch

from nobs.schema.enums import Dtype
from nobs.tasks.base import Work
from nobs.tasks.diffusion.layout import variant_of
from nobs.tasks.diffusion.memory import weights_bytes
from nobs.tasks.diffusion.params import DiffusionFitParams
from nobs.tasks.fit.bench import GrowthBench, refuse_random
from nobs.tasks.fit.process import Bounds, Guess, grow_apart
from nobs.tasks.fit.report import Estimate

COMMAND = (sys.executable, "-m", "nobs.tasks.diffusion.fit_child")
OF_GROWTHS = ("before_bytes", "loaded_bytes")
FORMULA = "2 x decoder's channels at full size x pixels x bytes"


class FitBench(GrowthBench):
    """Grow for each repeat."""

    def __init__(self, work: Work) -> None:
        self.params = work.params_of(DiffusionFitParams)
        refuse_random(work.model)
        super().__init__(work, work.torch_device, self.params.memory_share)
        self.recipe = self.params.recipe_of(work.model.id)
        on_cpu = work.torch_device == "cpu"
        self._dtype = self.params.dtype or (Dtype.FLOAT32 if on_cpu else Dtype.FLOAT16)
        self._variant = variant_of(work.model_path, work.model, "Run `nobs prefetch --force`.")
        self._last: dict[str, Any] = {}

    def run(self) -> int:
        """Grow once; return the images that were made."""
        order = {
            "path": str(self.work.model_path), "name": self.work.model.id,
            "variant": self._variant, "dtype": self._dtype, "vae_dtype": self.params.vae_dtype,
            "recipe": self.recipe.model_dump(mode="json"), "device": self.work.torch_device,
            "prompts": self.work.inputs, "seed": self.params.seed,
        }  # fmt: skip
        bounds = Bounds(
            host_bytes=self._host_limit, allowed=self._allowed, budget_s=self.params.budget_s
        )
        guess = Guess(estimate=self._estimate(), per=1)
        growth, self._last = grow_apart(COMMAND, order, self.params.batch_sizes, bounds, guess)
        self._growths.append(growth)
        return max(1, sum(point.size for point in growth.points))

    def facts(self) -> dict[str, Any]:
        """Return all growths and what the last process read back."""
        return {
            **{name: value for name, value in self._last.items() if name not in OF_GROWTHS},
            "recipe": self.recipe.model_dump(),
            "fit": self._fit(("images", 1), self._estimate()).model_dump(mode="json"),
        }

    def _allowed(self) -> int:
        """Return what a size may need; a GPU may run out of memory, the machine may not swap."""
        if self.work.torch_device == "cuda":
            return sys.maxsize
        return min(self._limit, self._host_allowed())

    def _estimate(self) -> Estimate:
        path, vae_dtype = self.work.model_path, self.params.vae_dtype
        settings = json.loads((path / "vae" / "config.json").read_text(encoding="utf-8"))
        # The decoder's last block gets the channels of the one before it, at full size.
        channels = max(settings["block_out_channels"][:2])
        pixels = self.recipe.width * self.recipe.height
        return Estimate(
            weights_bytes=weights_bytes(path, self._variant, self._dtype, vae_dtype),
            slope_bytes=2.0 * channels * pixels * getattr(torch, vae_dtype).itemsize,
            method=FORMULA,
        )
