"""What the halves of a provider share: served models, their choice, commands for the user."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nobs.providers.evidence import Elsewhere
from nobs.schema.server import Connection, ModelIdentity, RequestShape

type OnProgress = Callable[[str], None]
"""Takes one line of progress for the user."""


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A model that has answered a request like the timed ones."""

    connection: Connection
    model: str
    """As requests name it."""
    identity: ModelIdentity
    request: RequestShape = field(default_factory=RequestShape)
    """The parts of requests to it."""
    elsewhere: Elsewhere | None = None
    """Why the model computes, or may compute, on another machine than the server's."""
    is_ours: bool = False
    """Whether the provider started the server, on this machine."""


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Commands for the user, with `{port}` and `{model}` to fill in."""

    start: str
    load: str
    get: str

    def fill(self, port: int, model: str) -> "Commands":
        """Return the commands for one server and model."""
        texts = vars(self).items()
        return Commands(**{name: text.format(port=port, model=model) for name, text in texts})


type Entry = Mapping[str, Any]
"""One model of a server's list, with all its fields."""
type Choose = Callable[[str | None, Sequence[Entry]], str]
"""Finds the wanted model in a server's list; UnknownModel if it is missing or ambiguous."""


class UnknownModel(Exception):
    """The server's list doesn't have the model, or several models fit."""

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
