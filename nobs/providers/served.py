"""Running servers: they differ in how models are found and described."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from nobs.providers.base import Choose, OnProgress, ServedModel, choose_exactly
from nobs.providers.client import Server
from nobs.providers.definitions import Definition
from nobs.providers.readiness import wait_until_ready
from nobs.schema.server import Api, Connection, ModelIdentity, ServerRequest


@dataclass(frozen=True, kw_only=True)
class ServedModels:
    """Connects to a server; starts and loads nothing."""

    ask: Callable[[Server, str], ModelIdentity]
    """Asks a server what it says of a model."""
    choose: Choose = choose_exactly
    """Finds the wanted model in the server's list."""

    @contextmanager
    def open(
        self,
        provider: Definition,
        request: ServerRequest,
        connection: Connection | None,
        on_progress: OnProgress,
    ) -> Iterator[ServedModel]:
        """Wait until the model answers; nothing is left to clean up."""
        if connection is None:
            raise TypeError(f"{provider.name} starts no server: it needs a connection")
        yield self.connect(provider, connection, request.model, on_progress, request.api)

    def connect(
        self,
        provider: Definition,
        connection: Connection,
        model: str | None,
        on_progress: OnProgress,
        api: Api = Api.CHAT,
    ) -> ServedModel:
        """Return the model once it has answered."""
        served = wait_until_ready(connection, model, provider, on_progress, api=api)
        for clause in served.request.deviations:
            on_progress(f"{served.model}: {clause}.")
        return served

    def identify(self, connection: Connection, model: str) -> ModelIdentity:
        """Return what the server says of `model`."""
        with Server(connection) as server:
            return self.ask(server, model)
