"""What the harness adds to a plain loop of diffusers: hooks, stage times, latents kept apart.

One process, one pass each in turn: `bench.run()`, and the call that users write, which returns
PIL images. CPU seconds of the process are compared, because other work on the machine hardly moves
them. The plain loop runs twice per round: the pass is compared with the mean of both runs, whose
difference shows the noise. With fewer steps, what the harness adds to an image stands out more.
"""

import argparse
import gc
import random
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch

from nobs.catalog import load_catalog
from nobs.data.texts import load_texts
from nobs.stats import median_interval
from nobs.tasks.base import Work
from nobs.tasks.diffusion.bench import DiffusionBench
from nobs.tasks.diffusion.files import open_pipeline
from nobs.tasks.parameters import typed


def load(device: str, images: int, steps: int | None = None) -> DiffusionBench:
    workload = typed(load_catalog().workload("diffusion", "quick"))
    params = workload.params.model_copy(update={"images": images})
    workload = workload.model_copy(update={"params": params})
    pin = workload.models[0]
    rows = load_texts(workload.dataset).rows
    bench = DiffusionBench(
        Work(model=pin, inputs=rows, workload=workload, model_path=open_pipeline(pin).path,
             torch_device=device, directory=Path())
    )  # fmt: skip
    if steps:
        bench.recipe = bench.recipe.model_copy(update={"steps": steps})
    bench.load()
    bench.warm_up()
    return bench


def plain(bench: DiffusionBench, latents: list[torch.Tensor]) -> list[Any]:
    recipe = bench.recipe
    return [
        bench.pipe(
            prompt=[prompt], negative_prompt=[recipe.negative_prompt], latents=start,
            width=recipe.width, height=recipe.height, num_inference_steps=recipe.steps,
            guidance_scale=recipe.guidance,
        ).images[0]
        for prompt, start in zip(bench.prompts, latents, strict=True)
    ]  # fmt: skip


def time_marks(bench: DiffusionBench) -> float:
    """Return the seconds that the hooks and the ends of stages of one pass take by themselves."""
    latent = torch.empty(2, 4, 8, 8)
    watch = bench.watch
    start = time.perf_counter()
    for _ in range(100):
        watch.restart()
        for _ in bench.prompts:
            watch.begin()
            for _ in range(bench.recipe.steps):
                watch._note(bench.pipe.unet, (latent,))  # noqa: SLF001
            for stage in ("denoise", "decode", "pixels"):
                watch.end(stage)
    return (time.perf_counter() - start) / 100


def compare(base: list[float], other: list[float]) -> str:
    """Return how much longer `other` took, by the median of the ratios and its CI."""
    ratios = [b / a for a, b in zip(base, other, strict=True)]
    interval = median_interval(ratios)
    return (
        f"{median(ratios) - 1:+.2%} (median of {len(ratios)} pairs, "
        f"95 % CI {interval.low - 1:+.2%} to {interval.high - 1:+.2%}), "
        f"fastest {min(other) / min(base) - 1:+.2%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--images", type=int, default=2)
    parser.add_argument("--steps", type=int, help="instead of the workload's")
    options = parser.parse_args()
    torch.set_num_threads(1)
    bench = load(options.device, options.images, options.steps)
    latents = [start.to(bench.pipe.unet.dtype)[None] for start in bench.latents]
    ways = {
        "plain": lambda: plain(bench, latents),
        "again": lambda: plain(bench, latents),
        "harness": bench.run,
    }
    for run in ways.values():
        run()
    gc.collect()
    gc.freeze()  # As in the process of a step.
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.pairs):
        for name in random.sample(list(ways), len(ways)):
            bench.synchronize()
            start = time.process_time() if options.device == "cpu" else time.perf_counter()
            ways[name]()
            bench.synchronize()
            end = time.process_time() if options.device == "cpu" else time.perf_counter()
            spent[name].append(end - start)
    spent_in_marks = time_marks(bench)
    for name, values in spent.items():
        print(f"{name:8} {median(values) * 1000:9.2f} ms, fastest {min(values) * 1000:9.2f} ms")
    print(f"marks alone: {spent_in_marks / median(spent['plain']):+.3%} of the plain loop")
    both = [sum(pair) / 2 for pair in zip(spent["plain"], spent["again"], strict=True)]
    print(f"again over plain: {compare(spent['plain'], spent['again'])}")
    print(f"harness over the mean of both: {compare(both, spent['harness'])}")


if __name__ == "__main__":
    main()
