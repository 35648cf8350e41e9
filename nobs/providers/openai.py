"""Any server with OpenAI's API: vLLM, SGLang, TGI, a service of the internet."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from openai import OpenAIError

from nobs.providers.client import Server, UnexpectedAnswer
from nobs.providers.fields import count_of, text_of, texts_of
from nobs.providers.model_names import find_lookalikes
from nobs.providers.name_parts import without_folders
from nobs.providers.served import ServedModels
from nobs.schema.server import ModelIdentity

type Table = Mapping[str, Any]

_CONTEXT_FIELDS = ("max_model_len", "context_length", "context_window", "max_context_length")


def ask(server: Server, model: str) -> ModelIdentity:
    """Return the model list's fields, and the version of vLLM."""
    listed, entry = listing_of(server, model)
    context = next(filter(None, (count_of(entry.get(name)) for name in _CONTEXT_FIELDS)), None)
    if listed.owner != "vllm":
        return listed.model_copy(update={"context_length": context})
    version = text_of(server.native("/version").get("version"))
    return listed.model_copy(
        update={"context_length": context, "runtime": "vllm", "runtime_version": version}
    )


def listing_of(server: Server, model: str) -> tuple[ModelIdentity, Table]:
    """Return the model's names and owner by the server's list, and its entry, empty if absent."""
    try:
        entries = server.models()
    except (OpenAIError, UnexpectedAnswer):
        entries = ()
    entry: Table = next((each for each in entries if each["id"] == model), {})
    aliases = tuple(dict.fromkeys(_aliases(entry, entries)))
    others = (each["id"] for each in entries if each["id"] not in (model, *aliases))
    identity = ModelIdentity(
        id=model,
        aliases=aliases,
        lookalikes=find_lookalikes(model, others),
        owner=text_of(entry.get("owned_by")),
    )
    return identity, entry


def _aliases(entry: Table, entries: Iterable[Table]) -> Iterator[str]:
    """Yield the other names of one model: what it was loaded from, and who shares that.

    An adapter has the base model as its `parent` and weights of its own as `root`.
    """
    yield from texts_of(entry.get("aliases"))
    root = text_of(entry.get("root"))
    if root is None or root == entry["id"]:
        return
    sharing = [
        each["id"]
        for each in entries
        if each.get("root") == root and each.get("parent") == entry.get("parent")
    ]
    yield from (name for name in sharing if name != entry["id"])
    if root not in {each["id"] for each in entries}:
        yield without_folders(root)


WORK = ServedModels(ask=ask)
