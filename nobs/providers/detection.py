"""Detects the kind of a server by a route that the others don't have."""

from nobs.providers.client import Server
from nobs.schema.server import Connection

_PROBE_S = 3.0
_USUAL_PORTS = {1234: "lmstudio", 11434: "ollama"}


def detect_provider(connection: Connection) -> str:
    """Return the provider of the server, `openai` if its kind is unknown.

    LM Studio comes first: it answers 200 on unknown routes. Without an answer the usual port
    decides.
    """
    with Server(connection, answer_s=_PROBE_S) as server:
        if server.native("/lmstudio-greeting").get("lmstudio") is True:
            return "lmstudio"
        if isinstance(server.native("/api/version").get("version"), str):
            return "ollama"
        if "default_generation_settings" in server.native("/props"):
            return "llamacpp"
        if server.answers:
            return "openai"
    return _USUAL_PORTS.get(connection.port, "openai")
