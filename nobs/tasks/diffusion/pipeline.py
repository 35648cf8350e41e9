"""Load a pipeline of diffusers, start it from given latents, and turn latents into pixels."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

os.environ["DIFFUSERS_DISABLE_REMOTE_CODE"] = "1"  # Before diffusers reads it.

import diffusers
import numpy as np
import torch
import transformers
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from torch.nn.attention import SDPBackend, sdpa_kernel

from nobs.errors import ModelMissing, OtherModel
from nobs.schema.enums import Dtype
from nobs.tasks.diffusion.params import Recipe
from nobs.tasks.diffusion.phases import Watch
from nobs.tasks.diffusion.tuning import Attention, Settings

type Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

diffusers.utils.logging.set_verbosity_error()
diffusers.utils.logging.disable_progress_bar()
transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
PIPELINES = {kind.__name__: kind for kind in (StableDiffusionPipeline, StableDiffusionXLPipeline)}
_BACKENDS = {
    Attention.FLASH: SDPBackend.FLASH_ATTENTION,
    Attention.EFFICIENT: SDPBackend.EFFICIENT_ATTENTION,
    Attention.CUDNN: SDPBackend.CUDNN_ATTENTION,
    Attention.MATH: SDPBackend.MATH,
}
WEIGHTED = ("text_encoder", "text_encoder_2", "unet", "vae")


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one call of the pipeline made."""

    latents: torch.Tensor
    """As the denoiser left them, on the device."""
    images: Floats
    """(n, height, width, 3), 0 to 1, before rounding to 8 bits."""

    def arrays(self) -> tuple[Floats, Floats]:
        """Return latents and images in float32."""
        return self.latents.float().cpu().numpy(), self.images


def load_pipeline(  # noqa: PLR0913 - each one a choice of the caller
    directory: Path, *, name: str, variant: str, dtype: Dtype, vae_dtype: Dtype, device: str
) -> Any:  # noqa: ANN401 - diffusers is untyped
    """Return the pipeline on the device, without safety checker, watermark, slicing or offload.

    `name` is for messages, `variant` that of the files, as in `fp16`.
    """
    kind = diffusers.DiffusionPipeline.load_config(str(directory))["_class_name"]
    unused = (
        {"safety_checker": None, "requires_safety_checker": False}
        if kind == "StableDiffusionPipeline"
        else {"add_watermarker": False}
    )
    dtypes = {"default": getattr(torch, dtype), "vae": getattr(torch, vae_dtype)}
    try:
        pipe = PIPELINES[kind].from_pretrained(
            str(directory), dtype=dtypes, variant=variant or None, use_safetensors=True,
            local_files_only=True, **unused,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelMissing(
            f"The pipeline {name} can't be loaded from {directory}: "
            f"{type(error).__name__}: {error}.",
            "Name a pipeline that diffusers "
            f"{diffusers.__version__} loads, or run `nobs prefetch --force`.",
        ) from error
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device)


def prepare(pipe: Any, settings: Settings) -> Any:  # noqa: ANN401
    """Return the pipeline with attention kernel, memory format and compilation of `settings`."""
    if settings.attention:
        _use_kernel(pipe.unet, settings.attention)
    if settings.channels_last:
        pipe.unet.to(memory_format=torch.channels_last)
        pipe.vae.to(memory_format=torch.channels_last)
    if settings.compiled:
        pipe.unet = torch.compile(pipe.unet)
    return pipe


def _use_kernel(denoiser: torch.nn.Module, kernel: Attention) -> None:
    """Let `denoiser` use no other attention kernel; a call raises RuntimeError if it can't.

    The decoder's one attention layer is left out: some kernels can't compute its width.
    """
    forward, backend = denoiser.forward, _BACKENDS[kernel]

    @wraps(forward)
    def limited(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        with sdpa_kernel(backend):
            return forward(*args, **kwargs)

    denoiser.forward = limited


def use_scheduler(pipe: Any, recipe: Recipe, name: str) -> None:  # noqa: ANN401
    """Raise OtherModel unless the pipeline has the recipe's scheduler."""
    found = type(pipe.scheduler).__name__
    if found != recipe.scheduler:
        raise OtherModel(
            f"{name} has the scheduler {found}; its recipe asks for {recipe.scheduler}.",
            "Save the pipeline with that scheduler, or name another --model.",
        )


def draw_latents(pipe: Any, recipe: Recipe, seeds: Sequence[int]) -> torch.Tensor:  # noqa: ANN401
    """Return the first latents, one per seed, drawn on the CPU in float32."""
    scale = pipe.vae_scale_factor
    shape = (1, pipe.unet.config.in_channels, recipe.height // scale, recipe.width // scale)
    return torch.cat(
        [torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed)) for seed in seeds]
    )


def digest(latents: torch.Tensor) -> str:
    """Return the sha256 of float32 values, little endian."""
    return hashlib.sha256(latents.numpy().astype("<f4").tobytes()).hexdigest()


def dtype_of(part: torch.nn.Module) -> torch.dtype:
    """Return the dtype of the first weight; the `dtype` of diffusers looks at every module."""
    return next(part.parameters()).dtype


def make_images(
    pipe: Any,  # noqa: ANN401
    recipe: Recipe,
    prompts: Sequence[str],
    latents: torch.Tensor,
    watch: Watch,
) -> Batch:
    """Make one image per prompt as users do, with the decoder apart so that its time is seen.

    The pixels are those that the pipeline itself returns, bit by bit.
    """
    watch.begin()
    asked = {"negative_prompt": [recipe.negative_prompt] * len(prompts)} if recipe.is_guided else {}
    made = pipe(
        prompt=list(prompts), latents=latents.to(dtype_of(pipe.unet)), height=recipe.height,
        width=recipe.width, num_inference_steps=recipe.steps, guidance_scale=recipe.guidance,
        output_type="latent", **asked,
    ).images  # fmt: skip
    watch.end("denoise")
    with torch.no_grad():
        vae = pipe.vae
        scaled = made.to(dtype_of(vae)) / vae.config.scaling_factor
        decoded = vae.decode(scaled, return_dict=False)[0]
    watch.end("decode")
    images = pipe.image_processor.postprocess(decoded, output_type="np")
    pipe.image_processor.numpy_to_pil(images)
    watch.end("pixels")
    return Batch(latents=made, images=images)


def describe(pipe: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return settings read back from the loaded pipeline, for the report."""
    parts = {name: getattr(pipe, name, None) for name in WEIGHTED}
    counts = {
        name: sum(p.numel() for p in part.parameters()) for name, part in parts.items() if part
    }
    kernels = {type(each).__name__ for each in pipe.unet.attn_processors.values()}
    return {
        "pipeline": type(pipe).__name__,
        "scheduler": type(pipe.scheduler).__name__,
        "timestep_spacing": pipe.scheduler.config.get("timestep_spacing"),
        "prediction_type": pipe.scheduler.config.get("prediction_type"),
        "dtype": str(pipe.unet.dtype).removeprefix("torch."),
        "vae_dtype": str(pipe.vae.dtype).removeprefix("torch."),
        "parameters": counts,
        "parameter_device": str(next(pipe.unet.parameters()).device),
        "attention": ", ".join(sorted(kernels)),
        "reduced_memory": tuple(
            name for name in ("use_slicing", "use_tiling") if getattr(pipe.vae, name, False)
        ),
    }
