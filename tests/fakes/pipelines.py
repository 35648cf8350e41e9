"""Files of text-to-image pipelines as repositories of the hub have them, without torch."""

import json
from pathlib import Path
from typing import Any

from tests.fakes.weights import safetensors

STABLE = "StableDiffusionPipeline"
XL = "StableDiffusionXLPipeline"
TURBO_FILES = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json", "text_encoder/model.fp16.safetensors",
    "tokenizer/merges.txt", "tokenizer/special_tokens_map.json",
    "tokenizer/tokenizer_config.json", "tokenizer/vocab.json",
    "unet/config.json", "unet/diffusion_pytorch_model.fp16.safetensors",
    "vae/config.json", "vae/diffusion_pytorch_model.fp16.safetensors",
)  # fmt: skip
"""What NOBS fetches of a repository like sd-turbo."""
XL_FILES = (
    *TURBO_FILES,
    *(name.replace("/", "_2/", 1) for name in TURBO_FILES if name.startswith(("text", "token"))),
)
OTHER_FILES = (
    "README.md", "sd_turbo.safetensors", "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors",
    "text_encoder/pytorch_model.bin", "vae_1_0/config.json", "unet/model.onnx",
    "vae_decoder/openvino_model.xml", "unet/flax_model.msgpack", "safety_checker/config.json",
)  # fmt: skip
"""What lies beside it."""


def index_of(kind: str) -> dict[str, Any]:
    """Return model_index.json of a pipeline."""
    transformers = {"text_encoder": "CLIPTextModel", "tokenizer": "CLIPTokenizer"}
    if kind == XL:
        transformers |= {f"{name}_2": value for name, value in transformers.items()}
    diffusers = {
        "scheduler": "EulerDiscreteScheduler",
        "unet": "UNet2DConditionModel",
        "vae": "AutoencoderKL",
    }
    return {
        "_class_name": kind,
        "safety_checker": [None, None],
        **{name: ["transformers", value] for name, value in transformers.items()},
        **{name: ["diffusers", value] for name, value in diffusers.items()},
    }


def write_pipeline(directory: Path, kind: str = STABLE, *others: str) -> Path:
    """Fill `directory` with the files of a pipeline, and `others`."""
    for name in (*(XL_FILES if kind == XL else TURBO_FILES), *others):
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".safetensors"):
            file.write_bytes(safetensors(name.encode()))
        else:
            file.write_text(json.dumps({"file": name}))
    (directory / "model_index.json").write_text(json.dumps(index_of(kind)))
    return directory
