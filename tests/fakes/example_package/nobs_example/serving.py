"""A server of one's own kind: the heavy half, which asks it what it serves."""

from nobs.providers.client import Server
from nobs.providers.served import ServedModels
from nobs.schema.server import ModelIdentity


def ask(server: Server, model: str) -> ModelIdentity:
    """Return what the list of models says of `model`."""
    entry = next((each for each in server.models() if each["id"] == model), {})
    return ModelIdentity(id=model, owner=entry.get("owned_by"), runtime="example server")


WORK = ServedModels(ask=ask)
