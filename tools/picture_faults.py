"""Deliberate faults of a text-to-image pipeline, and changes that are none.

Each is a function of a `Setup`: how pictures are about to be made, to be changed in place.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import diffusers
import numpy as np
import torch
from torch import Generator, Tensor, nn

from nobs.tasks.diffusion.correctness import Floats
from nobs.tasks.diffusion.params import Recipe

type Change = Callable[["Setup"], None]


@dataclass
class Setup:
    """A freshly loaded pipeline, and what it will be asked for."""

    pipe: Any
    recipe: Recipe
    prompts: list[str]
    latents: Tensor
    finish: Callable[[Floats], Floats] = field(default=lambda images: images)
    """Changes the finished images."""


def zero(find: Callable[[Any], nn.Module]) -> Change:
    """Return the fault that a part of the pipeline has only zeros as weights."""

    def change(setup: Setup) -> None:
        with torch.no_grad():
            for parameter in find(setup.pipe).parameters():
                parameter.zero_()

    return change


def reschedule(kind: str, **settings: object) -> Change:
    """Return the fault that another scheduler is used, or the same with other settings."""

    def change(setup: Setup) -> None:
        old = setup.pipe.scheduler
        setup.pipe.scheduler = getattr(diffusers, kind).from_config(old.config, **settings)

    return change


def follow(**changes: object) -> Change:
    """Return the fault that the recipe isn't followed."""

    def change(setup: Setup) -> None:
        setup.recipe = setup.recipe.model_copy(update=changes)

    return change


def finish(function: Callable[[Floats], Floats]) -> Change:
    """Return the fault that finished images are changed."""

    def change(setup: Setup) -> None:
        setup.finish = function

    return change


def scale_latents(factor: float) -> Change:
    """Return the fault that the decoder gets latents at another scale."""
    return lambda setup: setup.pipe.vae.register_to_config(scaling_factor=factor)


def each_weight(setup: Setup, function: Callable[[Tensor], Tensor]) -> None:
    """Replace each of the denoiser's weights."""
    with torch.no_grad():
        for parameter in setup.pipe.unet.parameters():
            parameter.copy_(function(parameter.float()))


def add_noise(setup: Setup) -> None:
    """Change each of the denoiser's weights by about one per cent."""
    generator = Generator().manual_seed(5)

    def noisy(weight: Tensor) -> Tensor:
        noise = torch.randn(weight.shape, generator=generator).to(weight.device)
        return weight * (1 + 0.01 * noise)

    each_weight(setup, noisy)


def round_to_8_bits(setup: Setup) -> None:
    """Round the denoiser's weights as a plain quantisation by tensor does."""

    def rounded(weight: Tensor) -> Tensor:
        step = weight.abs().max() / 127 + 1e-12
        return (weight / step).round() * step

    each_weight(setup, rounded)


def other_prompts(setup: Setup) -> None:
    """Give each image the prompt of the next one."""
    setup.prompts = [*setup.prompts[1:], setup.prompts[0]]


def no_prompts(setup: Setup) -> None:
    """Lose the text, as a tokenizer without a vocabulary does."""
    setup.prompts = [""] * len(setup.prompts)


def other_latents(setup: Setup) -> None:
    """Start from other noise."""
    setup.latents = torch.randn(setup.latents.shape, generator=Generator().manual_seed(1))


def spoil(images: Floats) -> Floats:
    """Return images with one value that is no number."""
    spoilt = images.copy()
    spoilt[0, 0, 0, 0] = np.nan
    return spoilt


def repeat_first(images: Floats) -> Floats:
    """Return the first image in the place of the last."""
    return np.concatenate([images[:-1], images[:1]])


DENOISER = {
    "middle block dead": zero(lambda pipe: pipe.unet.mid_block),
    "residual net of a down block dead": zero(lambda pipe: pipe.unet.down_blocks[1].resnets),
    "one cross-attention dead": zero(
        lambda pipe: pipe.unet.down_blocks[0].attentions[0].transformer_blocks[0].attn2
    ),
    "weights changed by 1 %": add_noise,
}
SCHEDULER = {
    "leading spacing": reschedule("EulerDiscreteScheduler", timestep_spacing="leading"),
    "linear betas": reschedule("EulerDiscreteScheduler", beta_schedule="linear"),
    "wrong kind of prediction": reschedule("EulerDiscreteScheduler", prediction_type="epsilon"),
    "DDIM for Euler": reschedule("DDIMScheduler"),
    "DPM++ 2M for Euler": reschedule("DPMSolverMultistepScheduler"),
    "ancestral Euler": reschedule("EulerAncestralDiscreteScheduler"),
}
TEXT = {
    "guidance dropped": follow(guidance=1.0),
    "text encoder dead": zero(lambda pipe: pipe.text_encoder),
    "prompts shifted by one": other_prompts,
    "text lost": no_prompts,
    "other first latents": other_latents,
}
DECODER = {
    "VAE scale 1": scale_latents(1.0),
    "VAE scale of another model": scale_latents(0.18215),
    "attention of the VAE dead": zero(lambda pipe: pipe.vae.decoder.mid_block.attentions),
    "middle block of the VAE dead": zero(lambda pipe: pipe.vae.decoder.mid_block),
    "red and blue swapped": finish(lambda images: images[..., ::-1]),
}
FAULTS: dict[str, Change] = {**DENOISER, **SCHEDULER, **TEXT, **DECODER}
"""Those that a check must see in every dtype."""
HARDER: dict[str, Change] = {
    "weights rounded to 8 bits": round_to_8_bits,
    "one step too few": lambda setup: follow(steps=setup.recipe.steps - 1)(setup),
    "guidance 10 % lower": lambda setup: follow(guidance=setup.recipe.guidance * 0.9)(setup),
    "images rounded to 6 bits": finish(lambda images: (images * 63).round() / 63),
    "one value not a number": finish(spoil),
    "last image is the first again": finish(repeat_first),
    "black images": finish(np.zeros_like),
}
"""More of them; some look like the rounding of a dtype."""


def round_products(setup: Setup) -> None:
    """Round what matrix products and convolutions get to 10 bits, as TF32 does."""

    def rounded(module: nn.Module, arguments: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(_round_to_tf32(each) for each in arguments)

    for part in (setup.pipe.unet, setup.pipe.vae, setup.pipe.text_encoder):
        for module in _products_of(part):
            with torch.no_grad():
                module.weight.copy_(_round_to_tf32(module.weight))
            module.register_forward_pre_hook(rounded)


def _products_of(part: nn.Module) -> Iterable[nn.Linear | nn.Conv2d]:
    return (each for each in part.modules() if isinstance(each, nn.Linear | nn.Conv2d))


def _round_to_tf32(values: Tensor) -> Tensor:
    bits = values.detach().contiguous().view(torch.int32)
    return ((bits + 0x1000) & ~0x1FFF).view(torch.float32)


def plain_attention(setup: Setup) -> None:
    """Compute attention step by step instead of in one kernel."""
    setup.pipe.unet.set_attn_processor(diffusers.models.attention_processor.AttnProcessor())


def channels_last(setup: Setup) -> None:
    """Store images and weights of convolutions with their channels last."""
    for part in (setup.pipe.unet, setup.pipe.vae):
        part.to(memory_format=torch.channels_last)


def vae_in_the_same_dtype(setup: Setup) -> None:
    """Decode in the denoiser's dtype."""
    setup.pipe.vae.to(setup.pipe.unet.dtype)


SOUND: dict[str, Change] = {
    "plain attention": plain_attention,
    "channels last": channels_last,
    "VAE in the denoiser's dtype": vae_in_the_same_dtype,
}
"""Changes that are no faults."""
SOUND_IN_FLOAT32: dict[str, Change] = {"products rounded as TF32": round_products}
"""GPUs use it for convolutions unless told otherwise."""
