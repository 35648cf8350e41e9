"""Servers that run already: they differ in how models are found and in what they say."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from nobs.errors import UsageError
from nobs.providers.base import Access, Choose, Entry, Served, Tell, Wanted, choose_exactly
from nobs.providers.client import Server
from nobs.providers.definitions import Definition
from nobs.providers.readiness import Patience, wait_until_ready
from nobs.schema.server import ModelIdentity


@dataclass(frozen=True, kw_only=True)
class ServedModels:
    """Connects to a server; starts and loads nothing."""

    ask: Callable[[Server, str], ModelIdentity]
    """Asks a server what it says of a model."""
    chooser: Choose = choose_exactly

    @contextmanager
    def open(self, provider: Definition, wanted: Wanted, tell: Tell) -> Iterator[Served]:
        """Wait until the model answers; nothing is left to clean up."""
        access = Access(base_url=_url(provider, wanted), api_key=wanted.api_key)
        yield self.connect(provider, access, wanted, tell)

    def connect(self, provider: Definition, access: Access, wanted: Wanted, tell: Tell) -> Served:
        """Return the model behind `access` once it has answered."""
        patience = Patience(
            wait_s=wanted.wait_s, absent_wait_s=wanted.absent_wait_s, answer_s=wanted.wait_s
        )
        answering = wait_until_ready(access, wanted.model, provider, tell, patience)
        for clause in answering.request.deviations:
            tell(f"{answering.model}: {clause}.")
        return Served(
            access=access,
            model=answering.model,
            identity=answering.identity,
            request=answering.request,
            elsewhere=answering.elsewhere,
        )

    def choose(self, wanted: str | None, models: Sequence[Entry]) -> str:
        """Find the wanted model in the server's list."""
        return self.chooser(wanted, models)

    def identify(self, access: Access, model: str) -> ModelIdentity:
        """Return what the server tells of `model`."""
        with Server(access) as server:
            return self.ask(server, model)


def _url(provider: Definition, wanted: Wanted) -> str:
    url = wanted.base_url or provider.default_url
    if url is None:
        raise UsageError(
            f"The provider {provider.name!r} needs the URL of a server.",
            "Name one: --llm-url http://HOST:PORT/v1.",
        )
    return url
