"""Any server with OpenAI's API: vLLM, SGLang, TGI, a service of the internet."""

from typing import Any

from openai import OpenAIError

from nobs.providers.client import Server, UnexpectedAnswer
from nobs.providers.fields import count_of, text_of
from nobs.providers.served import ServedModels
from nobs.schema.server import ModelIdentity

_CONTEXT_FIELDS = ("max_model_len", "context_length", "context_window", "max_context_length")


def ask(server: Server, model: str) -> ModelIdentity:
    """Return what the model list tells beside ids, and the version of a vLLM."""
    entry = entry_of(server, model)
    context = next(filter(None, (count_of(entry.get(name)) for name in _CONTEXT_FIELDS)), None)
    owner = entry.get("owned_by")
    if owner != "vllm":
        return ModelIdentity(id=model, context_length=context)
    version = server.native("/version").get("version")
    return ModelIdentity(
        id=model, context_length=context, runtime="vllm", runtime_version=text_of(version)
    )


def entry_of(server: Server, model: str) -> dict[str, Any]:
    """Return the entry of `model` in the server's list, empty where it tells nothing."""
    try:
        entries = server.models()
    except (OpenAIError, UnexpectedAnswer):
        return {}
    return next((entry for entry in entries if entry["id"] == model), {})


WORK = ServedModels(ask=ask)
