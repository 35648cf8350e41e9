"""What LM Studio tells of a model and of how it is loaded."""

from collections.abc import Iterator, Mapping
from typing import Any

from nobs.providers.client import Server
from nobs.providers.fields import count_of, number_of, table_of, tables_of, text_of
from nobs.schema.server import ModelIdentity

type Table = Mapping[str, Any]


def ask(server: Server, model: str) -> ModelIdentity:
    """Ask the routes of LM Studio 0.4, else those of 0.3.6; `model` is a key or an id."""
    listed = server.native("/api/v1/models")
    found = next(_instances(listed, model), None)
    identity = _of_v0(server, model) if found is None else _of_v1(model, *found)
    runtime = _runtime(server, model)
    return identity.model_copy(
        update={
            "runtime": text_of(runtime.get("name")) or "LM Studio",
            "runtime_version": text_of(runtime.get("version")),
        }
    )


def _instances(listed: Table, model: str) -> Iterator[tuple[Table, Table]]:
    """Yield the entries that `model` may mean, each with the configuration it is loaded with."""
    for entry in tables_of(listed.get("models")):
        loaded = tables_of(entry.get("loaded_instances"))
        named = [each for each in loaded if each.get("id") == model]
        if named or entry.get("key") == model:
            instance = (named or loaded or [{}])[0]
            yield entry, table_of(instance.get("config"))


def _of_v1(model: str, entry: Table, config: Table) -> ModelIdentity:
    quantization = table_of(entry.get("quantization"))
    return ModelIdentity(
        id=model,
        architecture=text_of(entry.get("architecture")),
        format=text_of(entry.get("format")),
        quantization=text_of(quantization.get("name")),
        bits_per_weight=number_of(quantization.get("bits_per_weight")),
        parameters=text_of(entry.get("params_string")),
        size_bytes=count_of(entry.get("size_bytes")),
        context_length=count_of(config.get("context_length")),
        parallel=count_of(config.get("parallel")),
    )


def _of_v0(server: Server, model: str) -> ModelIdentity:
    listed = tables_of(server.native("/api/v0/models").get("data"))
    entry = next((each for each in listed if each.get("id") == model), {})
    return ModelIdentity(
        id=model,
        architecture=text_of(entry.get("arch")),
        format=text_of(entry.get("compatibility_type")),
        quantization=text_of(entry.get("quantization")),
        context_length=count_of(entry.get("loaded_context_length")),
    )


def _runtime(server: Server, model: str) -> Table:
    """Let the model answer one token on the only route that names the runtime."""
    body = {
        "model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "Say: ready."}]
    }  # fmt: skip
    return table_of(server.native("/api/v0/chat/completions", body).get("runtime"))
