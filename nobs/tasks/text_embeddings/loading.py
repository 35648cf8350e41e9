"""Load models with sentence-transformers and read their settings back."""

import logging
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    BoW,
    StaticEmbedding,
    Transformer,
    WordEmbeddings,
)
from transformers import PreTrainedModel

from nobs.errors import ModelMissing, NobsError, OtherModel, RequirementError
from nobs.schema.enums import Dtype
from nobs.schema.pins import Source
from nobs.tasks.base import Work
from nobs.tasks.random_weights import check_memory
from nobs.tasks.text_embeddings.chain import chain_of, config_of, input_of
from nobs.tasks.text_embeddings.random_model import fill
from nobs.tasks.text_embeddings.tuning import Settings

transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
FLASH = "flash_attention_2"
_MISSING = re.compile(r"^(.+?)\s*\|\s*MISSING\b", re.MULTILINE)
_MISFIT = re.compile(r"ignore_mismatched_sizes|size mismatch")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_POSITIONS = re.compile(r"position|wpe")
"""Names of tables of learned positions."""


def load_model(
    work: Work, settings: Settings, max_seq_length: int
) -> tuple[SentenceTransformer, tuple[str, ...]]:
    """Load the weights in the requested dtype and set the sequence length.

    Also returns the names of weights missing from the files, which transformers initialises at
    random. Raises ModelMissing if the files can't be read, OtherModel if the model doesn't encode
    text, RequirementError for a missing package, NobsError for another dtype than requested.
    """
    is_random = work.model.random is not None
    if is_random:
        check_memory(work.model, settings.dtype, work.torch_device)
    with _random_weights(are_wanted=is_random) as names:
        model = _load(work, settings)
    if is_random:
        fill(work.model, model)
    model.eval()
    if not model.supports("text"):
        takes = ", ".join(kind for kind in model.modalities if isinstance(kind, str))
        raise OtherModel(
            f"{work.model.id} encodes {takes}, not text.", "Choose a text encoder with --model."
        )
    if isinstance(input_of(model), BoW) and settings.dtype is not Dtype.FLOAT32:
        raise NobsError(
            f"{work.model.id} counts words in float32 and doesn't support {settings.dtype}.",
            "Add --dtype float32.",
        )
    set_limit(model, max_seq_length)
    _convert(model, getattr(torch, settings.dtype))
    _check_dtype(work, model, settings.dtype)
    return model, tuple(names)


@contextmanager
def _random_weights(*, are_wanted: bool) -> Iterator[list[str]]:
    """Collect the weights that transformers logs as missing, except unused poolers.

    Nothing is collected or logged if they `are_wanted`.
    """
    names: list[str] = []
    logger = logging.getLogger("transformers.modeling_utils")
    level = logger.level

    def note(record: logging.LogRecord) -> bool:
        if are_wanted:
            return False
        found = _MISSING.findall(_COLOURS.sub("", record.getMessage()))
        names.extend(name.strip() for name in found if "pooler" not in name)
        return True

    logger.addFilter(note)
    logger.setLevel(logging.WARNING)
    try:
        yield names
    finally:
        logger.setLevel(level)
        logger.removeFilter(note)


def _load(work: Work, settings: Settings) -> SentenceTransformer:
    wanted = {
        "dtype": getattr(torch, settings.dtype),
        "attn_implementation": settings.attention,
        "use_safetensors": True,
    }
    try:
        return SentenceTransformer(
            str(work.model_path),
            device=work.torch_device,
            trust_remote_code=work.model.trust_remote_code,
            local_files_only=True,
            model_kwargs={name: value for name, value in wanted.items() if value is not None},
        )
    except ImportError as error:
        raise RequirementError(
            f"{work.model.id} can't be loaded: {error}.",
            "Install the missing package; new models may need a newer sentence-transformers than "
            f"{version('sentence-transformers')}.",
        ) from error
    except RuntimeError as error:
        # Out of memory or a broken device is a failure of the step, not of the model.
        if not _MISFIT.search(str(error)):
            raise
        raise ModelMissing(
            f"The shapes of the weights of {work.model.id} don't match its config.json.",
            _remedy(work, str(error)),
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelMissing(
            f"The model {work.model.id} can't be loaded from {work.model_path}: "
            f"{type(error).__name__}: {error}.",
            _remedy(work, str(error)),
        ) from error


def _remedy(work: Work, message: str) -> str:
    if "trust_remote_code" in message and not work.model.trust_remote_code:
        return "Review the model's code; if you trust it, add --trust-remote-code."
    match work.model.source:
        case Source.HUB:
            return (
                "Run `nobs prefetch --force`. If it still fails, sentence-transformers "
                f"{version('sentence-transformers')} can't load this model: choose another one."
            )
        case Source.RANDOM:
            return "Correct its architecture in the catalogue, or choose another --model."
        case Source.PATH:
            return (
                "Choose a directory that `SentenceTransformer(DIRECTORY)` can load, such as one "
                "written by `save_pretrained`."
            )
        case _:
            return "Run `pip install --force-reinstall 'nobs[quick]'`."


def set_limit(model: SentenceTransformer, wanted: int) -> None:
    """Truncate texts at `wanted` tokens, or at the model's number of positions if lower.

    Static embeddings have no such limit.
    """
    module = input_of(model)
    if isinstance(module, Transformer | WordEmbeddings):
        module.max_seq_length = min(wanted, _positions(module) or wanted)
    elif not isinstance(module, StaticEmbedding | BoW):
        model.max_seq_length = wanted


def limit_of(model: SentenceTransformer) -> int | None:
    """Return the maximum tokens per text; None without truncation."""
    module = input_of(model)
    if isinstance(module, StaticEmbedding):
        return (module.tokenizer.truncation or {}).get("max_length")
    limit = getattr(module, "max_seq_length", None)
    return int(limit) if limit is not None and math.isfinite(limit) else None


def _positions(module: torch.nn.Module) -> int | None:
    """Return the size of the table of learned positions in tokens; None without a table.

    RoBERTa-like models count from behind the padding token.
    """
    config = getattr(module, "config", None)
    size = getattr(config.get_text_config(), "max_position_embeddings", 0) if config else 0
    tables = (
        (name, part)
        for name, part in module.named_modules()
        if isinstance(part, torch.nn.Embedding) and _POSITIONS.search(name)
    )
    if not size or not any(table.num_embeddings >= size for _, table in tables):
        return None
    for part in module.modules():
        padding = getattr(part, "padding_idx", None)
        if isinstance(padding, int) and hasattr(part, "position_embeddings"):
            return int(size) - padding - 1
    return int(size)


def _convert(model: SentenceTransformer, dtype: torch.dtype) -> None:
    """Convert weights outside transformers' models, which are loaded in the right dtype."""
    models = [module for module in model.modules() if isinstance(module, PreTrainedModel)]
    inside = {id(parameter) for module in models for parameter in module.parameters()}
    for parameter in model.parameters():
        if id(parameter) not in inside and parameter.is_floating_point():
            parameter.data = parameter.data.to(dtype)


def read_back(model: SentenceTransformer) -> dict[str, Any]:
    """Return the facts of a report that are read from the model itself."""
    return {
        "dtype": dtype_of(model).value,
        "max_seq_length": limit_of(model),
        "parameters": sum(p.numel() for p in model.parameters()),
        "parameter_device": str(next(model.parameters()).device),
    }


def dtype_of(model: SentenceTransformer) -> Dtype:
    """Return the dtype of the weights."""
    return Dtype(_name(next(model.parameters())))


def attention_of(model: SentenceTransformer) -> str | None:
    """Return the attention implementation that transformers chose, as in `sdpa`."""
    return getattr(config_of(model), "_attn_implementation", None)


def layer_bytes(model: SentenceTransformer) -> int:
    """Return the bytes of weights that every batch reads: all but embedding tables."""
    chain = torch.nn.ModuleList(chain_of(model))
    kinds = torch.nn.Embedding | torch.nn.EmbeddingBag
    tables = {id(module.weight) for module in chain.modules() if isinstance(module, kinds)}
    layers = {id(p): p for p in chain.parameters() if id(p) not in tables}
    return sum(p.numel() * p.element_size() for p in layers.values())


def formats_for(device: str, dtype: Dtype | None) -> list[tuple[Dtype, str | None]]:
    """Return candidate dtypes and attention kernels, preferred ones first."""
    other = Dtype.FLOAT32 if device == "cpu" else Dtype.FLOAT16
    dtypes = (dtype,) if dtype else (Dtype.BFLOAT16, other)
    has_flash = device == "cuda" and find_spec("flash_attn") is not None
    return [
        (dtype, attention)
        for dtype in dtypes
        for attention in ((FLASH, None) if has_flash and dtype is not Dtype.FLOAT32 else (None,))
    ]


def _check_dtype(work: Work, model: SentenceTransformer, wanted: Dtype) -> None:
    loaded = {_name(parameter) for parameter in model.parameters()}
    if loaded != {wanted.value}:
        raise NobsError(
            f"{work.model.id} was loaded as {', '.join(sorted(loaded))} though "
            f"{wanted} was asked for.",
            "Please report this: a library changed how it chooses the dtype.",
        )


def _name(parameter: torch.Tensor) -> str:
    return str(parameter.dtype).removeprefix("torch.")
