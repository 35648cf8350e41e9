"""The process of one batch size: loads the pipeline, then makes one batch of images."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from nobs.errors import is_exhausted
from nobs.schema.enums import Dtype
from nobs.tasks.diffusion.params import Recipe
from nobs.tasks.diffusion.phases import Watch
from nobs.tasks.diffusion.pipeline import (
    WEIGHTED,
    describe,
    draw_latents,
    load_pipeline,
    make_images,
    use_scheduler,
)
from nobs.tasks.fit.child import say, say_done
from nobs.tasks.fit.memory import memory_now, peak_since, watch_peak
from nobs.tasks.fit.report import FitPoint, Stop

PAGE = 4096
"""Bytes of memory that are read from a file at once, on most machines."""


def main() -> None:
    """Read the order on the standard input; print what is reached as lines of JSON."""
    order = json.load(sys.stdin)
    (size,), device = order["sizes"], order["device"]
    before = memory_now(device)
    try:
        pipe = _load(order, device)
        loaded = memory_now(device)
        say(loaded={
            **describe(pipe), "before_bytes": before, "loaded_bytes": max(before, loaded),
        })  # fmt: skip
        watch_peak(device)
        _make(pipe, order, size, device)
        peak = peak_since(device)
    except (RuntimeError, MemoryError) as error:
        if not is_exhausted(error):
            raise
        return say(stop={"by": Stop.OUT_OF_MEMORY, "at": size, "why": str(error).splitlines()[0]})
    say(point=FitPoint(size=size, peak_bytes=peak).model_dump())
    return say_done()


def _load(order: dict[str, Any], device: str) -> Any:  # noqa: ANN401 - diffusers is untyped
    pipe = load_pipeline(
        Path(order["path"]), name=order["name"], variant=order["variant"],
        dtype=Dtype(order["dtype"]), vae_dtype=Dtype(order["vae_dtype"]), device=device,
    )  # fmt: skip
    use_scheduler(pipe, Recipe.model_validate(order["recipe"]), order["name"])
    # Weights that are mapped from a file are in memory only once they were read.
    for name in WEIGHTED if device == "cpu" else ():
        part = getattr(pipe, name, None)
        for weights in part.parameters() if part else ():
            weights.detach().flatten()[:: max(1, PAGE // weights.element_size())].sum()
    return pipe


def _make(pipe: Any, order: dict[str, Any], size: int, device: str) -> None:  # noqa: ANN401
    """Make a batch; the process ends if the images aren't finite."""
    recipe, prompts = Recipe.model_validate(order["recipe"]), order["prompts"]
    latents = draw_latents(pipe, recipe, range(order["seed"], order["seed"] + size))
    chosen = [prompts[number % len(prompts)] for number in range(size)]
    made = make_images(pipe, recipe, chosen, latents, Watch(device))
    if not np.isfinite(made.images).all():
        sys.exit(f"the images of a batch of {size} have values that are not finite")


if __name__ == "__main__":
    main()
