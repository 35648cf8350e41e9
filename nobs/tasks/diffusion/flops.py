"""FLOPs of a pipeline's parts, counted once per shape on tensors without memory."""

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from nobs.tasks.diffusion.params import Recipe


def count_flops(pipe: Any, recipe: Recipe) -> dict[str, int]:  # noqa: ANN401 - diffusers is untyped
    """Return the FLOPs of one denoised latent and of one decoded image; a multiply-add is two."""
    with torch.device("meta"):
        unet = type(pipe.unet).from_config(pipe.unet.config).eval()
        vae = type(pipe.vae).from_config(pipe.vae.config).eval()
    scale, settings = pipe.vae_scale_factor, pipe.unet.config
    shape = (1, settings.in_channels, recipe.height // scale, recipe.width // scale)
    latent = torch.empty(shape, device="meta")
    text = torch.empty(
        1, pipe.tokenizer.model_max_length, settings.cross_attention_dim, device="meta"
    )
    extra = {}
    if settings.addition_embed_type == "text_time":
        sizes = 6  # original size, crop and target size, two numbers each
        width = settings.projection_class_embeddings_input_dim
        pooled = width - sizes * settings.addition_time_embed_dim
        extra["added_cond_kwargs"] = {
            "text_embeds": torch.empty(1, pooled, device="meta"),
            "time_ids": torch.empty(1, sizes, device="meta"),
        }
    step = torch.tensor(1, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as denoising:
        unet(latent, step, text, **extra)
    with torch.no_grad(), FlopCounterMode(display=False) as decoding:
        vae.decode(latent)
    return {
        "denoiser_flop": int(denoising.get_total_flops()),
        "decoder_flop": int(decoding.get_total_flops()),
    }
