"""Models as sentence-transformers loads them, and what can be read back from them."""

from importlib.util import find_spec

import torch
import transformers
from sentence_transformers import SentenceTransformer

from nobs.errors import ModelMissing, NobsError
from nobs.schema.base import Dtype
from nobs.tasks.base import Work
from nobs.tasks.text_embeddings.tuning import Settings

transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
FLASH = "flash_attention_2"


def load_model(work: Work, settings: Settings, max_seq_length: int) -> SentenceTransformer:
    """Load the weights in the wanted format and set the sequence length.

    Raises ModelMissing where the files can't be read, NobsError for another format than asked for.
    """
    wanted = {
        "dtype": getattr(torch, settings.dtype),
        "attn_implementation": settings.attention,
        "use_safetensors": True,
    }
    try:
        model = SentenceTransformer(
            str(work.model_path),
            device=work.torch_device,
            trust_remote_code=work.model.trust_remote_code,
            local_files_only=True,
            model_kwargs={name: value for name, value in wanted.items() if value is not None},
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelMissing(
            f"The weights of {work.model.id} can't be loaded from {work.model_path}: {error}.",
            "Delete that directory and run `nobs prefetch` again.",
        ) from error
    model.max_seq_length = max_seq_length
    model.eval()
    _check_dtype(work, model, settings.dtype)
    return model


def dtype_of(model: SentenceTransformer) -> Dtype:
    """Return the number format of the weights."""
    return Dtype(_name(next(model.parameters())))


def attention_of(model: SentenceTransformer) -> str | None:
    """Return the attention implementation that transformers chose, as in `sdpa`."""
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    return getattr(config, "_attn_implementation", None)


def default_prompt(model: SentenceTransformer) -> str:
    """Return what `encode` puts before every text; empty for most models."""
    return model.prompts.get(model.default_prompt_name or "") or ""


def layer_bytes(model: SentenceTransformer) -> int:
    """Return the size of the weights that every batch reads whole: all but tables of embeddings."""
    tables = [m.weight for m in model.modules() if isinstance(m, torch.nn.Embedding)]
    sizes = {id(p): p.numel() * p.element_size() for p in model.parameters()}
    return sum(sizes.values()) - sum(sizes.get(id(table), 0) for table in tables)


def formats_for(device: str, dtype: Dtype | None) -> list[tuple[Dtype, str | None]]:
    """Return the formats and attention kernels that may be the fastest, the preferred first."""
    other = Dtype.FLOAT32 if device == "cpu" else Dtype.FLOAT16
    dtypes = (dtype,) if dtype else (Dtype.BFLOAT16, other)
    has_flash = device == "cuda" and find_spec("flash_attn") is not None
    return [
        (dtype, attention)
        for dtype in dtypes
        for attention in ((FLASH, None) if has_flash and dtype is not Dtype.FLOAT32 else (None,))
    ]


def free_memory(device: str) -> None:
    """Give back what the device's allocator keeps."""
    match device:
        case "cuda":
            torch.cuda.empty_cache()
        case "mps":
            torch.mps.empty_cache()


def _check_dtype(work: Work, model: SentenceTransformer, wanted: Dtype) -> None:
    loaded = {_name(parameter) for parameter in model.parameters()}
    if loaded != {wanted.value}:
        raise NobsError(
            f"{work.model.id} was loaded as {', '.join(sorted(loaded))} though "
            f"{wanted} was asked for.",
            "Please report this: a library changed how it chooses the number format.",
        )


def _name(parameter: torch.Tensor) -> str:
    return str(parameter.dtype).removeprefix("torch.")
