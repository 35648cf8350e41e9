"""Ollama: finds models by short names and describes them on its own routes."""

from collections.abc import Mapping, Sequence
from typing import Any

from nobs.providers.base import Entry, UnknownModel, choose_exactly
from nobs.providers.client import Server
from nobs.providers.fields import count_of, table_of, tables_of, text_of, texts_of
from nobs.providers.model_names import find_lookalikes
from nobs.providers.served import ServedModels
from nobs.schema.server import ModelIdentity


def choose(wanted: str | None, models: Sequence[Entry]) -> str:
    """Find the model; a name without a tag means the tag `latest`."""
    try:
        return choose_exactly(wanted, models)
    except UnknownModel:
        if wanted is None or ":" in wanted:
            raise
        return choose_exactly(f"{wanted}:latest", models)


def ask(server: Server, model: str) -> ModelIdentity:
    """Return what is known of the model and of how it is loaded, which the test inference did."""
    shown = server.native("/api/show", {"model": model})
    details = table_of(shown.get("details"))
    loaded = _entry(server.native("/api/ps"), model)
    tags = server.native("/api/tags")
    listed = _entry(tags, model)
    aliases, others = _other_names(tags, listed, model)
    return ModelIdentity(
        id=model,
        aliases=aliases,
        lookalikes=find_lookalikes(model, others),
        remote_host=_remote_host(shown) or _remote_host(listed) or _remote_host(loaded),
        architecture=text_of(table_of(shown.get("model_info")).get("general.architecture")),
        format=text_of(details.get("format")),
        quantization=text_of(details.get("quantization_level")),
        parameters=text_of(details.get("parameter_size")),
        size_bytes=count_of(listed.get("size")),
        context_length=count_of(loaded.get("context_length")),
        gpu_offload=_offload(loaded),
        vision=_has_vision(shown),
        runtime="ollama",
        runtime_version=text_of(server.native("/api/version").get("version")),
    )


def _has_vision(shown: Mapping[str, Any]) -> bool | None:
    """Return whether the model takes images; older servers don't list what a model can do."""
    return "vision" in texts_of(shown["capabilities"]) if "capabilities" in shown else None


def _entry(listing: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    """Return the entry of `model` in one of Ollama's own lists."""
    entries = tables_of(listing.get("models"))
    return next((entry for entry in entries if entry.get("name") == model), {})


def _other_names(
    tags: Mapping[str, Any], listed: Mapping[str, Any], model: str
) -> tuple[tuple[str, ...], list[str]]:
    """Return the tags that mean the same weights as `model`, and those of other models."""
    digest = text_of(listed.get("digest"))
    named = [(text_of(entry.get("name")), entry) for entry in tables_of(tags.get("models"))]
    others = [(name, entry) for name, entry in named if name and name != model]
    same = [name for name, entry in others if digest and entry.get("digest") == digest]
    remote = text_of(listed.get("remote_model"))
    aliases = tuple(dict.fromkeys(filter(None, (*same, remote))))
    return aliases, [name for name, _ in others if name not in aliases]


def _remote_host(entry: Mapping[str, Any]) -> str | None:
    """Return the host to which this Ollama forwards the model's requests."""
    host = text_of(entry.get("remote_host"))
    return host or ("another machine" if text_of(entry.get("remote_model")) else None)


def _offload(loaded: Mapping[str, Any]) -> float | None:
    """Return which share of the loaded model lies on the GPU."""
    size, on_gpu = count_of(loaded.get("size")), loaded.get("size_vram")
    if size is None or not isinstance(on_gpu, int):
        return None
    return min(1.0, on_gpu / size)


WORK = ServedModels(ask=ask, choose=choose)
