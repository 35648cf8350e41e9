"""What a provider is: it makes a server usable for a run and says what the server runs."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from nobs.providers.evidence import Elsewhere
from nobs.schema.server import Connection, ModelIdentity, RequestShape, ServerRequest

type OnProgress = Callable[[str], None]
"""Gets one plain line of progress for people."""


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A model that has answered a request as the timed ones will be."""

    connection: Connection
    model: str
    """As requests name it."""
    identity: ModelIdentity
    request: RequestShape = field(default_factory=RequestShape)
    """What requests to it are made of."""
    elsewhere: Elsewhere | None = None
    """Why the model computes, or may compute, on another machine than the server's."""
    is_ours: bool = False
    """Whether the provider started the server, on this machine."""


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Commands for people, with `{port}` and `{model}` to be filled in."""

    start: str
    load: str
    get: str

    def fill(self, port: int, model: str) -> "Commands":
        """Return the commands for one server and model."""
        values = {"port": port, "model": model}
        return Commands(
            start=self.start.format(**values),
            load=self.load.format(**values),
            get=self.get.format(**values),
        )


type Entry = Mapping[str, Any]
"""One model of a server's list, with whatever fields the server adds."""
type Choose = Callable[[str | None, Sequence[Entry]], str]
"""Finds the wanted model in a server's list; UnknownModel where it isn't clear."""


class UnknownModel(Exception):
    """The server's list doesn't have the model, or leaves open which one is meant."""

    def __init__(
        self, model: str | None, models: Sequence[str], *, is_ambiguous: bool = False
    ) -> None:
        super().__init__(f"{model!r} is not one of {list(models)}")
        self.model = model
        self.models = tuple(models)
        self.is_ambiguous = is_ambiguous
        """Whether the name may mean each of `models`."""


def choose_exactly(wanted: str | None, models: Sequence[Entry]) -> str:
    """Return the wanted model, or the only one where none is wanted."""
    ids = [str(entry["id"]) for entry in models]
    if wanted is None and len(ids) == 1:
        return ids[0]
    if wanted is None or wanted not in ids:
        raise UnknownModel(wanted, ids, is_ambiguous=wanted is None)
    return wanted


class Provider(Protocol):
    """Light to import; what it needs is imported when it opens."""

    @property
    def name(self) -> str:
        """As on the command line."""

    @property
    def title(self) -> str:
        """For people."""

    @property
    def default_url(self) -> str | None:
        """Where its server usually listens; None where there is no usual place."""

    @property
    def packages(self) -> tuple[str, ...]:
        """What it needs to start a server of its own, as in `pip install NAME`."""

    @property
    def commands(self) -> Commands:
        """What people run to start a server of this kind and to load a model."""

    def choose(self, wanted: str | None, models: Sequence[Entry]) -> str:
        """Find the wanted model in a server's list; UnknownModel where it isn't clear."""

    def open(
        self, request: ServerRequest, connection: Connection | None, on_progress: OnProgress
    ) -> AbstractContextManager[ServedModel]:
        """Make the model usable, and leave server and models as they were found at the end.

        `connection` is None for a server that is started for the run. HostApiError, with its
        remedy, where the model doesn't answer within `request.request_timeout_s`.
        """

    def identify(self, connection: Connection, model: str) -> ModelIdentity:
        """Return what the server says of `model`; a server that says nothing is no error."""
