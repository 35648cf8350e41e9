"""Cold starts of the llama.cpp server that NOBS starts by itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nobs.providers.cold import Started, refuse
from nobs.providers.embedded import Settings, running
from nobs.providers.llamacpp import WORK
from nobs.providers.weights import packaged_pin
from nobs.schema.server import Connection, ServerRef, ServerRequest

LEAVE_OUT = "Leave out --llm-model, or load the model in Ollama, or in LM Studio."


class LlamaCold:
    """Starts a server of its own each time, which ends with the block."""

    def __init__(self, settings: Settings, wait_s: float) -> None:
        self._settings = settings
        self._wait_s = wait_s
        self.files: tuple[Path, ...] = tuple(filter(None, (settings.weights, settings.projector)))

    def unload(self) -> None:
        """Do nothing: no server is left from before."""

    @contextmanager
    def started(self) -> Iterator[Started]:
        """Start the server: it listens once the weights are loaded."""
        began_s = time.perf_counter()
        with running(self._settings, lambda _line: None, wait_s=self._wait_s) as server:
            yield Started(
                connection=Connection(base_url=f"{server.url}/v1", request_timeout_s=self._wait_s),
                began_s=began_s,
                program_s=server.program_s,
                ready_s=time.perf_counter(),
            )


def cold_server(server: ServerRef, connection: Connection) -> LlamaCold:
    """Return the embedded server; UsageError for a llama-server that somebody else started.

    It starts the packaged model only: a run with weights of the user's would measure others.
    """
    weights = server.identity.weights_sha256 if server.identity else None
    if weights is None:
        refuse(server)
    if weights != packaged_pin().weights_sha256:
        refuse(server, f"NOBS starts its own model again, not {server.model}", LEAVE_OUT)
    settings = WORK.settings_of(ServerRequest(provider=server.provider))
    assert isinstance(settings, Settings)  # noqa: S101 -- of llama.cpp
    return LlamaCold(settings, connection.request_timeout_s)
