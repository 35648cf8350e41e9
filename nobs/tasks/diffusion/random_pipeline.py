"""A pipeline with random weights, built from the settings in the catalogue."""

import tempfile
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTextConfig, CLIPTokenizer

from nobs.data.architectures import architecture_of, write_settings
from nobs.schema.enums import Dtype
from nobs.schema.pins import Architecture, ModelPin
from nobs.tasks.diffusion.layout import ENCODERS, INDEX
from nobs.tasks.random_weights import check_memory, check_parameters, initialise

START, END = "<|startoftext|>", "<|endoftext|>"


def build_pipeline(pin: ModelPin, *, dtype: Dtype, vae_dtype: Dtype, device: str) -> Any:  # noqa: ANN401 - diffusers is untyped
    """Return the described pipeline on the device, without safety checker or watermark."""
    check_memory(pin, dtype, device)
    architecture = architecture_of(pin)
    with tempfile.TemporaryDirectory() as place:
        write_settings(architecture, Path(place))
        parts = _build_parts(architecture, Path(place))
        scheduler = diffusers.EulerDiscreteScheduler.from_pretrained(place, subfolder="scheduler")
    check_parameters(pin, parts.values())
    for name, part in parts.items():
        part.to(getattr(torch, vae_dtype if name == "vae" else dtype)).to_empty(device=device)
        _count_positions(part)
        initialise(part.eval(), pin.random.seed if pin.random else 0)
    kind = architecture.files[INDEX]["_class_name"]
    parts |= {
        f"tokenizer{suffix}": _make_tokenizer(part.config.max_position_embeddings)
        for suffix in ENCODERS[kind]
        if (part := parts[f"text_encoder{suffix}"])
    }
    unused = (
        {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        if kind == "StableDiffusionPipeline"
        else {"add_watermarker": False}
    )
    pipe = getattr(diffusers, kind)(scheduler=scheduler, **parts, **unused)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _build_parts(architecture: Architecture, place: Path) -> dict[str, Any]:
    """Return denoiser, decoder and text encoders without memory for their weights."""
    kind = architecture.files[INDEX]["_class_name"]
    with torch.device("meta"):
        parts: dict[str, Any] = {
            name: model.from_config(model.load_config(place / name))
            for name, model in (
                ("unet", diffusers.UNet2DConditionModel),
                ("vae", diffusers.AutoencoderKL),
            )
        }
        for name in (f"text_encoder{suffix}" for suffix in ENCODERS[kind]):
            settings = architecture.files[f"{name}/config.json"]
            model = getattr(transformers, architecture.files[INDEX][name][1])
            parts[name] = model(CLIPTextConfig(**settings))
    return parts


def _count_positions(part: torch.nn.Module) -> None:
    """Fill the buffers of CLIP that no file holds: the numbers of positions."""
    for name, buffer in part.named_buffers():
        if not name.endswith("position_ids"):
            raise ValueError(f"the buffer {name} has no known values")
        buffer.copy_(torch.arange(buffer.numel()).view_as(buffer))


def _make_tokenizer(length: int) -> CLIPTokenizer:
    """Return a tokenizer whose tokens are bytes."""
    alphabet = sorted(ByteLevel.alphabet())
    words = (*alphabet, *(f"{letter}</w>" for letter in alphabet), START, END)
    vocabulary = {word: number for number, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=length, pad_token=END)
