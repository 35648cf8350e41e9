"""The modules that encode a row, with the route that `encode` takes in place of a router."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Router
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding
from transformers import PreTrainedModel

from nobs.data.layout import Layout, read_architecture, read_layout
from nobs.errors import OtherModel
from nobs.tasks.text_embeddings.report import Origin

DOCUMENT = "document"
"""Task of the rows if a model has separate routes for queries and documents."""
DOCUMENT_PROMPTS = (DOCUMENT, "passage", "corpus")
"""Prompts that `encode_document` looks for."""


def encode(model: SentenceTransformer, rows: Sequence[str], batch_size: int) -> Any:  # noqa: ANN401 - sentence-transformers is untyped
    """Encode `rows`, as documents if the model has a route for those."""
    call = model.encode_document if takes_documents(model) else model.encode
    return call(list(rows), batch_size=batch_size, show_progress_bar=False)


def preprocess(model: SentenceTransformer, texts: Sequence[str]) -> dict[str, Any]:
    """Return the model's input for `texts`, including the prompt that `encode` adds."""
    task = {"task": DOCUMENT} if takes_documents(model) else {}
    found: dict[str, Any] = model.preprocess(list(texts), prompt=prompt_of(model) or None, **task)
    return found


def takes_documents(model: SentenceTransformer) -> bool:
    """Return whether a router of the model has a route for documents."""
    return any(
        DOCUMENT in router.sub_modules or any(task == DOCUMENT for task, _ in router.route_mappings)
        for router in _routers(model)
    )


def route_of(model: SentenceTransformer) -> str | None:
    """Return the route of the first router that rows take; None without a router."""
    return next((_route(model, router) for router in _routers(model)), None)


def chain_of(model: SentenceTransformer) -> list[torch.nn.Module]:
    """Return the modules that process a row, in order."""
    chain: list[torch.nn.Module] = []
    for module in model.children():
        routes: Any = module.sub_modules if isinstance(module, Router) else None
        chain += [module] if routes is None else routes[_route(model, module)]
    return chain


def input_of(model: SentenceTransformer) -> Any:  # noqa: ANN401 - any class with `preprocess`
    """Return the module that takes the texts."""
    return chain_of(model)[0]


def config_of(model: SentenceTransformer) -> Any:  # noqa: ANN401 - a class for each architecture
    """Return the configuration of the transformer that takes the texts; None without one."""
    return getattr(getattr(input_of(model), "auto_model", None), "config", None)


def is_padded(model: SentenceTransformer) -> bool:
    """Return whether rows are padded to the longest of their batch."""
    module = input_of(model)
    is_flat = isinstance(module, StaticEmbedding) or getattr(module, "can_flatten_inputs", False)
    return not is_flat


def prompt_of(model: SentenceTransformer) -> str:
    """Return the prompt added to every text; empty for most models."""
    names = DOCUMENT_PROMPTS if takes_documents(model) else (model.default_prompt_name or "",)
    return next((model.prompts[name] or "" for name in names if name in model.prompts), "")


def describe_encoder(model: SentenceTransformer, directory: Path) -> Mapping[str, Any]:
    """Return the fields of `Encoder` for a model loaded from `directory`."""
    layout = read_layout(directory)
    chain = chain_of(model)
    poolings = [_pooling(module) for module in chain if isinstance(module, Pooling)]
    inner = (module for part in chain for module in part.modules())
    loaded = next((type(m).__name__ for m in inner if isinstance(m, PreTrainedModel)), None)
    published = read_architecture(directory) if layout.is_guessed else None
    return {
        "modules": [type(module).__name__ for module in chain],
        "architecture": loaded,
        "pooling": poolings[0] if poolings else None,
        "route": route_of(model),
        "prompt": prompt_of(model) or None,
        "origin": Origin.GUESSED if layout.is_guessed else _origin(model, layout),
        "published_architecture": published if published != loaded else None,
    }


def _origin(model: SentenceTransformer, layout: Layout) -> Origin:
    """Compare the classes that were loaded with those of modules.json."""
    names = {"Asym": "Router"}
    listed = [module.name for module in layout.listed]
    loaded = [type(module).__name__ for module in model.children()]
    is_same = [names.get(name, name) for name in listed] == loaded
    return Origin.SAVED if is_same else Origin.CONVERTED


def _routers(model: SentenceTransformer) -> list[Any]:
    return [module for module in model.children() if isinstance(module, Router)]


def _route(model: SentenceTransformer, router: Any) -> str:  # noqa: ANN401 - untyped library
    task = DOCUMENT if takes_documents(model) else None
    try:
        return str(router._resolve_route(task=task, modality="text"))  # noqa: SLF001 - as `forward`
    except ValueError as error:
        routes = ", ".join(router.sub_modules)
        raise OtherModel(
            f"The model's router has no route for documents and no default route, only {routes}.",
            "Save it with a default route (`Router(..., default_route=NAME)`).",
        ) from error


def _pooling(module: Any) -> str:  # noqa: ANN401 - untyped library
    mode = module.pooling_mode
    return mode if isinstance(mode, str) else "+".join(mode)
