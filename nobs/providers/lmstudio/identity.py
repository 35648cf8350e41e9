"""What LM Studio says of a model and of how it is loaded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nobs.providers.client import Server
from nobs.providers.fields import count_of, flag_of, number_of, table_of, tables_of, text_of
from nobs.providers.lmstudio.names import Listed
from nobs.providers.model_names import find_lookalikes
from nobs.schema.server import ModelIdentity

type Table = Mapping[str, Any]

_DEVICE_FIELDS = (
    "deviceIdentifier", "device_identifier", "linkedDevice", "linked_device",
    "deviceName", "device_name",
)  # fmt: skip
"""`lms` writes the first; the server may write it in its own way."""
_EMBEDDING = frozenset({"embedding", "embeddings"})
_KINDS = {"vlm": True, "llm": False}
"""Whether a model takes images, by what the older list calls its kind."""


@dataclass(frozen=True, kw_only=True)
class OnServer:
    """A model as the server lists it."""

    listed: Listed
    entry: Table
    instances: tuple[Table, ...]
    """What is loaded of it."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of its loaded instances."""
        return tuple(filter(None, (text_of(each.get("id")) for each in self.instances)))

    @property
    def names(self) -> tuple[str, ...]:
        """Whatever requests may call it, instances first."""
        selected = filter(None, [self.listed.selected])
        return tuple(dict.fromkeys((*self.ids, self.listed.key, *selected)))

    @property
    def is_of_texts(self) -> bool:
        """Whether it makes vectors of texts; every list distinguishes those from LLMs."""
        return self.entry.get("type") in _EMBEDDING


def ask(server: Server, model: str) -> ModelIdentity:
    """Ask the routes of LM Studio 0.4, else those of 0.3.6; `model` is a key or an id."""
    models = read_models(server, model)
    identity = _of_v1(model, models) if models else _of_v0(server, model)
    runtime = _runtime(server, model)
    return identity.model_copy(
        update={
            "runtime": text_of(runtime.get("name")) or "LM Studio",
            "runtime_version": text_of(runtime.get("version")),
        }
    )


def read_models(server: Server, model: str | None = None) -> list[OnServer]:
    """Return the server's own list of LLMs, or of models of texts if `model` is one of those.

    It is empty where there is none.
    """
    models = [
        OnServer(
            listed=Listed.of(key, entry),
            entry=entry,
            instances=tuple(tables_of(entry.get("loaded_instances"))),
        )
        for entry in tables_of(server.native("/api/v1/models").get("models"))
        if (key := text_of(entry.get("key")))
    ]
    is_of_texts = any(each.is_of_texts and model in each.names for each in models)
    return [each for each in models if each.is_of_texts is is_of_texts]


def _of_v1(model: str, models: list[OnServer]) -> ModelIdentity:
    others = [name for each in models if model not in each.names for name in each.names]
    names = ModelIdentity(
        id=model,
        lookalikes=find_lookalikes(model, others),
        loaded=tuple(name for each in models for name in each.ids),
    )
    found = next((each for each in models if model in each.names), None)
    return names if found is None else names.model_copy(update=_described(model, found, names))


def _described(model: str, found: OnServer, names: ModelIdentity) -> dict[str, Any]:
    """Return what the entry says of the model, and of the instance where `model` names one."""
    instance = next((each for each in found.instances if each.get("id") == model), None)
    # The name of an instance means this one alone, not others of the same model; the key, which
    # the first one has as its name, may stand for each of them in an answer.
    own = (model, found.listed.key)
    siblings = () if instance is None else tuple(name for name in found.ids if name not in own)
    chosen = instance or next(iter(found.instances), {})
    config, entry = table_of(chosen.get("config")), found.entry
    quantization = table_of(entry.get("quantization"))
    return {
        "aliases": tuple(name for name in found.names if name not in (model, *siblings)),
        "lookalikes": (*siblings, *names.lookalikes),
        "remote_host": _device(chosen, entry),
        "architecture": text_of(entry.get("architecture")),
        "format": text_of(entry.get("format")),
        "quantization": text_of(quantization.get("name")),
        "bits_per_weight": number_of(quantization.get("bits_per_weight")),
        "parameters": text_of(entry.get("params_string")),
        "size_bytes": count_of(entry.get("size_bytes")),
        "context_length": count_of(config.get("context_length")),
        "parallel": count_of(config.get("parallel")),
        "vision": flag_of(table_of(entry.get("capabilities")).get("vision")),
    }


def _device(*entries: Table) -> str | None:
    """Return the linked device that computes, in words."""
    named = (text_of(entry.get(name)) for entry in entries for name in _DEVICE_FIELDS)
    device = next(filter(None, named), None)
    return f"the linked device {device}" if device else None


def _of_v0(server: Server, model: str) -> ModelIdentity:
    listed = tables_of(server.native("/api/v0/models").get("data"))
    entry: Table = next((each for each in listed if each.get("id") == model), {})
    is_of_texts = entry.get("type") in _EMBEDDING
    alike = [each for each in listed if (each.get("type") in _EMBEDDING) is is_of_texts]
    return ModelIdentity(
        id=model,
        lookalikes=find_lookalikes(model, _ids(alike)),
        loaded=_ids(each for each in alike if each.get("state") == "loaded") if listed else None,
        architecture=text_of(entry.get("arch")),
        format=text_of(entry.get("compatibility_type")),
        quantization=text_of(entry.get("quantization")),
        context_length=count_of(entry.get("loaded_context_length")),
        vision=_KINDS.get(str(entry.get("type"))),
    )


def _ids(listed: Iterable[Table]) -> tuple[str, ...]:
    return tuple(filter(None, (text_of(each.get("id")) for each in listed)))


def _runtime(server: Server, model: str) -> Table:
    """Let the model answer one token on the only route that names the runtime."""
    body = {
        "model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "Say: ready."}]
    }  # fmt: skip
    return table_of(server.native("/api/v0/chat/completions", body).get("runtime"))
