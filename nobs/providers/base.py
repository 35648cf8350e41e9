"""What a provider is: it makes a server usable for a run and tells what the server runs."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from nobs.schema.server import ModelIdentity

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
    setup: bool = False
    """Whether the provider may install, download, start and load what is missing."""
    wait_s: float = 120.0
    """How long to wait until the model answers."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """A model that has answered a test inference."""

    access: Access
    model: str
    """As requests name it."""
    identity: ModelIdentity
    is_ours: bool = False
    """Whether the provider started the server, on this machine."""


class Provider(Protocol):
    """Light to import; what it needs is imported when it opens."""

    name: str
    title: str
    default_url: str | None
    """Where its server usually listens; None where it is started for the run."""

    def open(self, wanted: Wanted, tell: Tell) -> AbstractContextManager[Served]:
        """Make the model usable, and leave server and models as they were found at the end.

        HostApiError, with its remedy, where the server doesn't answer as asked in `wanted.wait_s`.
        """

    def identify(self, access: Access, model: str) -> ModelIdentity:
        """Return what the server tells of `model`; a server that tells nothing is no error."""
