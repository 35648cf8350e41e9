"""Cold loads of a model of Ollama: put out of memory, then loaded by requests without a prompt."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nobs.errors import HostApiError
from nobs.providers.client import Server
from nobs.providers.cold import Started, refuse
from nobs.providers.fields import tables_of, text_of
from nobs.schema.server import Connection, Locality, ServerRef

UNLOAD_S = 60.0
LOOK_EVERY_S = 0.05
_FROM = "FROM "


class OllamaCold:
    """Loads a model that Ollama had to put out of memory; it stays loaded as long as usual."""

    def __init__(self, server: ServerRef, connection: Connection) -> None:
        if server.identity is not None and server.identity.remote_host:
            refuse(server, f"it forwards requests to {server.identity.remote_host}")
        self._server, self._connection = server, connection
        shown = self._ask("/api/show", {"model": server.model})
        is_here = server.locality is Locality.LOCAL
        self.files: tuple[Path, ...] = tuple(_weights_of(shown)) if is_here else ()

    def unload(self) -> None:
        """Put the model out of memory, and wait until it is."""
        self._ask("/api/generate", {"model": self._server.model, "keep_alive": 0})
        deadline = time.monotonic() + UNLOAD_S
        while self._is_loaded():
            if time.monotonic() > deadline:
                raise HostApiError(
                    f"Ollama still has {self._server.model} in memory after {UNLOAD_S:.0f} s.",
                    "Stop what else uses it (`ollama ps`), then run again.",
                )
            time.sleep(LOOK_EVERY_S)

    @contextmanager
    def started(self) -> Iterator[Started]:
        """Load the model."""
        load = {"model": self._server.model, "stream": False}
        with self._client() as client:
            began_s = time.perf_counter()
            answer = client.native("/api/generate", load)
            ready_s = time.perf_counter()
        if answer.get("done") is not True:
            raise HostApiError(
                f"Ollama didn't load {self._server.model}: it answered {str(answer)[:200]}.",
                f"Load it yourself to see why: `ollama run {self._server.model}`.",
            )
        yield Started(connection=self._connection, began_s=began_s, program_s=None, ready_s=ready_s)

    def _is_loaded(self) -> bool:
        loaded = tables_of(self._ask("/api/ps").get("models"))
        return any(entry.get("name") == self._server.model for entry in loaded)

    def _ask(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        with self._client() as client:
            return client.native(path, body)

    def _client(self) -> Server:
        return Server(self._connection, answer_s=self._connection.request_timeout_s)


def _weights_of(shown: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the files that the model is made from, as far as they can be read here."""
    for line in (text_of(shown.get("modelfile")) or "").splitlines():
        path = Path(line.removeprefix(_FROM).strip())
        if line.startswith(_FROM) and path.is_absolute() and path.is_file():
            yield path
