"""Ollama: finds models by its own short names, tells of them on routes of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from nobs.providers.base import Entry, UnknownModel, choose_exactly
from nobs.providers.client import Server
from nobs.providers.fields import count_of, table_of, tables_of, text_of
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
    listed = _entry(server.native("/api/tags"), model)
    return ModelIdentity(
        id=model,
        architecture=text_of(table_of(shown.get("model_info")).get("general.architecture")),
        format=text_of(details.get("format")),
        quantization=text_of(details.get("quantization_level")),
        parameters=text_of(details.get("parameter_size")),
        size_bytes=count_of(listed.get("size")),
        context_length=count_of(loaded.get("context_length")),
        gpu_offload=_offload(loaded),
        runtime="ollama",
        runtime_version=text_of(server.native("/api/version").get("version")),
    )


def _entry(listing: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    """Return the entry of `model` in one of Ollama's own lists."""
    entries = tables_of(listing.get("models"))
    return next((entry for entry in entries if entry.get("name") == model), {})


def _offload(loaded: Mapping[str, Any]) -> float | None:
    """Return which share of the loaded model lies on the GPU."""
    size, on_gpu = count_of(loaded.get("size")), loaded.get("size_vram")
    if size is None or not isinstance(on_gpu, int):
        return None
    return min(1.0, on_gpu / size)


WORK = ServedModels(ask=ask, chooser=choose)
