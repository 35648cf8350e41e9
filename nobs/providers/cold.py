"""Servers that NOBS may start, and models that it may load: each start begins from cold."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

from nobs.errors import UsageError
from nobs.providers import PROVIDERS
from nobs.registry import resolve
from nobs.schema.server import Connection, ServerRef

OTHERS = (
    "Leave out --llm-url and name --profile cold-quick: NOBS then starts llama.cpp. Or use Ollama, "
    "or LM Studio with --setup-lm-studio."
)


@dataclass(frozen=True, kw_only=True)
class Started:
    """A server that is ready to answer; stamps are of `time.perf_counter`, in order."""

    connection: Connection
    began_s: float
    """When its process was started, or the model's load was asked for."""
    program_s: float | None
    """When its program was loaded; None where it ran already."""
    ready_s: float
    """When it said that the model is loaded."""


class ColdServer(Protocol):
    """A server, or a model of one, that is put out of memory and started again."""

    @property
    def files(self) -> Sequence[Path]:
        """Files of the weights; empty where they aren't on this machine, or not known."""

    def unload(self) -> None:
        """Put the model out of memory; HostApiError if it stays there."""

    def started(self) -> AbstractContextManager[Started]:
        """Start the server or load the model, and wait until it is ready."""


def find_cold_server(server: ServerRef, connection: Connection) -> ColdServer:
    """Return how the run's server is started or its model loaded; UsageError if NOBS may not."""
    target = getattr(PROVIDERS.load(server.provider), "cold", "")
    if not target:
        refuse(server)
    found: ColdServer = resolve(target)(server, connection)
    return found


def refuse(server: ServerRef, why: str = "", remedy: str = OTHERS) -> NoReturn:
    """Raise UsageError: this server can't be measured from cold."""
    why = why or "NOBS neither started it nor can unload its model"
    raise UsageError(
        f"Cold starts of the server at {server.base_url} ({server.provider}) can't be measured: "
        f"{why}.",
        remedy,
    )
