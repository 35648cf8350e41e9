"""What a provider is: it makes a server usable for a run and tells what the server runs."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from nobs.providers.evidence import Elsewhere
from nobs.schema.server import ModelIdentity, RequestShape

type Tell = Callable[[str], None]
"""Gets one plain line of progress for people."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """How this process reaches a server that speaks OpenAI's API."""

    base_url: str
    """As in `http://127.0.0.1:1234/v1`."""
    api_key: str = field(default="", repr=False)
    socket: Path | None = None
    """Unix socket to connect to in place of the URL's host."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a run asks of a provider."""

    base_url: str | None = None
    """None means where this provider's server usually is."""
    api_key: str = field(default="", repr=False)
    model: str | None = None
    """None means the provider's default."""
    context_length: int | None = None
    parallel: int | None = None
    """Requests that a model loaded for the run works on at once."""
    setup: bool = False
    """Whether the provider may install, download, start and load what is missing."""
    wait_s: float = 300.0
    """How long to wait until the model answers; a first load is part of it."""
    absent_wait_s: float = 10.0
    """How much of it to wait for a server where nobody listens."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """A model that has answered a test inference."""

    access: Access
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
    """What people type to mend things, with `{port}` and `{model}` to be filled in."""

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
        """Where its server usually listens; None where it is started for the run."""

    @property
    def packages(self) -> tuple[str, ...]:
        """What it needs to start a server of its own, as in `pip install NAME`."""

    @property
    def commands(self) -> Commands:
        """What mends a server of this kind."""

    def choose(self, wanted: str | None, models: Sequence[Entry]) -> str:
        """Find the wanted model in a server's list; UnknownModel where it isn't clear."""

    def open(self, wanted: Wanted, tell: Tell) -> AbstractContextManager[Served]:
        """Make the model usable, and leave server and models as they were found at the end.

        HostApiError, with its remedy, where the server doesn't answer as asked in `wanted.wait_s`.
        """

    def identify(self, access: Access, model: str) -> ModelIdentity:
        """Return what the server tells of `model`; a server that tells nothing is no error."""
