"""Makes reference pictures of a workload: `python -m tools.picture_references diffusion-quick/1`.

Float32, on the CPU, one image at a time, plain attention, one thread: nothing of what a measured
pass does for speed. Models that aren't part of NOBS are fetched from the hub. Commit the files that
it writes, and measure gates for them with `tools.picture_gates`.
"""

import argparse
import base64
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from diffusers.models.attention_processor import AttnProcessor

from nobs.catalog import load_catalog
from nobs.data.found import Model
from nobs.schema.enums import Dtype
from nobs.schema.pins import ModelPin, Workload
from nobs.storage.rundir import safe_name
from nobs.tasks.diffusion.correctness import Pictures, average, pack_images
from nobs.tasks.diffusion.files import open_pipeline
from nobs.tasks.diffusion.layout import variant_of
from nobs.tasks.diffusion.params import Recipe
from nobs.tasks.diffusion.phases import Watch
from nobs.tasks.diffusion.pipeline import digest, draw_latents, load_pipeline, make_images
from nobs.tasks.diffusion.prompts import load_prompts
from nobs.tasks.parameters import typed

WORKLOADS = {
    label: typed(workload)
    for label, workload in load_catalog().workloads.items()
    if workload.task == "diffusion"
}
DIRECTORY = Path(__file__).resolve().parent.parent / "nobs" / "tasks" / "diffusion" / "references"
LIBRARIES = ("torch", "diffusers", "transformers")
LARGEST_SIDE = 128
"""Larger images are stored as means over blocks."""


def prompts_of(workload: Workload, count: int) -> list[str]:
    """Return the prompts of the first images of a pass."""
    rows = load_prompts(workload.dataset).rows
    return [str(rows[number % len(rows)]) for number in range(count)]


def make_pictures(workload: Workload, pin: ModelPin, model: Model, count: int) -> Pictures:
    """Return the first images of a pass, made one at a time."""
    torch.set_num_threads(1)
    recipe = workload.params.recipe_of(pin.id)
    pipe = load_pipeline(
        model.path, name=pin.id, variant=variant_of(model.path, pin, ""),
        dtype=Dtype.FLOAT32, vae_dtype=Dtype.FLOAT32, device="cpu",
    )  # fmt: skip
    pipe.unet.set_attn_processor(AttnProcessor())
    seed = workload.params.seed
    latents = draw_latents(pipe, recipe, range(seed, seed + count))
    prompts = prompts_of(workload, count)
    made = []
    for number in range(count):
        part = slice(number, number + 1)
        batch = make_images(pipe, recipe, prompts[part], latents[part], Watch("cpu"))
        made.append(batch.arrays())
        print(f"{pin.id}: image {number + 1} of {count}", flush=True)
    return Pictures(
        prompts=tuple(prompts),
        starts=tuple(map(digest, latents)),
        latents=np.concatenate([each for each, _ in made]),
        images=np.concatenate([each for _, each in made]),
    )


def block_of(recipe: Recipe) -> int:
    """Return the smallest block, a power of 2, that makes images small enough."""
    block = 1
    while max(recipe.width, recipe.height) // block > LARGEST_SIDE:
        block *= 2
    return block


def to_json(pin: ModelPin, model: Model, recipe: Recipe, pictures: Pictures) -> str:
    """Return the text of a reference."""
    block = block_of(recipe)
    latents = pictures.latents.astype("<f4")
    record = {
        "model": pin.id,
        "revision": pin.revision,
        "weights": model.weights.files,
        "recipe": recipe.model_dump(mode="json"),
        "made_with": {name: version(name) for name in LIBRARIES},
        "prompts": pictures.prompts,
        "starts": pictures.starts,
        "latent_shape": latents.shape[1:],
        "block": block,
        "latents": base64.b64encode(latents.tobytes()).decode(),
        "images": base64.b64encode(pack_images(average(pictures.images, block))).decode(),
    }
    return json.dumps(record, indent=1) + "\n"


def main() -> None:
    """Write a file for each model of the workload, or for one of them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("workload", choices=sorted(WORKLOADS))
    parser.add_argument("--model", help="only this one")
    parser.add_argument("--images", type=int, help="of a pass; all of the workload's by default")
    words = parser.parse_args()
    workload = WORKLOADS[words.workload]
    for pin in workload.models:
        if words.model not in (None, pin.id):
            continue
        model, recipe = open_pipeline(pin), workload.params.recipe_of(pin.id)
        count = words.images or workload.params.images
        pictures = make_pictures(workload, pin, model, count)
        size = f"{recipe.width}x{recipe.height}-{recipe.steps}"
        name = safe_name(f"{pin.id.rpartition('/')[2]}-{size}")
        text = to_json(pin, model, recipe, pictures)
        (DIRECTORY / f"{name}.json").write_text(text, encoding="utf-8")
        print(f"{name}.json: {count} images, {len(text):,} bytes")


if __name__ == "__main__":
    main()
