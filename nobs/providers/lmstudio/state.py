"""What LM Studio has on disk, in memory and open: read from `lms`, always as JSON."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nobs.errors import NobsError
from nobs.providers.fields import count_of, table_of, tables_of, text_of
from nobs.providers.lmstudio.cli import Lms
from nobs.providers.lmstudio.names import Listed


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A loaded model."""

    identifier: str
    """As requests name it."""
    key: str
    context_length: int | None
    parallel: int | None
    device: str | None
    """The linked device whose hardware it uses; None is this machine."""
    variant: str | None = None
    """Which quantisation of the key it is, as in `KEY@q8_0`; None where `lms` doesn't say."""


def downloaded_models(lms: Lms) -> tuple[Listed, ...]:
    """Return the LLMs on this machine; wakes LM Studio up."""
    return tuple(Listed.of(_key(entry), entry) for entry in tables_of(lms.read("ls", "--llm")))


def loaded_models(lms: Lms) -> tuple[Instance, ...]:
    """Return what is loaded, here or on a linked device; wakes LM Studio up."""
    return tuple(map(_instance, tables_of(lms.read("ps"))))


def find_loaded(lms: Lms, identifier: str) -> Instance | None:
    """Return the loaded instance that requests name so, None if there is none."""
    return next((each for each in loaded_models(lms) if each.identifier == identifier), None)


def server_port(lms: Lms) -> int | None:
    """Return the running server's port; of a stopped one `lms` gives the last port."""
    status = table_of(lms.read("server", "status", "--quiet"))
    return count_of(status.get("port")) if status.get("running") is True else None


def daemon_status(lms: Lms) -> Mapping[str, Any]:
    """Return the state of LM Studio itself, empty where this `lms` is too old for it."""
    with suppress(NobsError):
        return table_of(lms.read("daemon", "status"))
    return {}


def _instance(entry: Mapping[str, Any]) -> Instance:
    return Instance(
        identifier=text_of(entry.get("identifier")) or _key(entry),
        key=_key(entry),
        context_length=count_of(entry.get("contextLength")),
        parallel=count_of(entry.get("parallel")),
        device=text_of(entry.get("deviceIdentifier")),
        variant=Listed.of(_key(entry), entry).selected,
    )


def _key(entry: Mapping[str, Any]) -> str:
    return text_of(entry.get("modelKey")) or text_of(entry.get("path")) or ""
