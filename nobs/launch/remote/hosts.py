"""The hosts of a run: from the command line, or from a file with names, tags and prices."""

import math
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nobs.errors import UsageError
from nobs.settings import NODE_NAME
from nobs.text import join_words, to_line

EXAMPLE = '[[host]] with name = "box1"'
_ADDRESS = re.compile(r"(ssh://)?[A-Za-z0-9_\[][^\s/?#'\"\\]*")
_HEADER = re.compile(r"\s*\[\[\s*host\s*\]\]")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


_FIELDS: Mapping[str, tuple[str, Callable[[Any], object]]] = {
    "name": ("a text of letters, digits, '.', '_' and '-'",
             lambda value: _is_text(value) and re.fullmatch(NODE_NAME, value)),
    "address": ("an alias of ssh's configuration or ssh://[USER@]HOST[:PORT]",
                lambda value: _is_text(value) and _ADDRESS.fullmatch(value)),
    "tags": ("a list of texts",
             lambda value: isinstance(value, list)
             and all(isinstance(tag, str) and tag for tag in value)),
    "usd_per_hour": ("a number above 0",
                     lambda value: type(value) in (int, float) and 0 < value < math.inf),
    "nobs": ("the path of a program", _is_text),
}  # fmt: skip
"""What each field of a host is, and whether a value is one."""


@dataclass(frozen=True, kw_only=True)
class Host:
    """A machine that ssh reaches."""

    name: str
    """The node's name in reports."""
    address: str
    """For ssh: an alias of its configuration, or `ssh://[USER@]HOST[:PORT]`."""
    tags: tuple[str, ...] = ()
    usd_per_hour: float | None = None
    nobs: str | None = None
    """The program there; None to look for it."""


def parse_hosts(values: Iterable[str]) -> list[Host]:
    """Return the hosts of `ssh://box1,box2`; UsageError for what isn't an address."""
    texts = [text.strip() for value in values for text in value.split(",")]
    return [_parse_host(text) for text in texts if text]


def choose_hosts(values: Iterable[str], file: Path | None, tags: Sequence[str] = ()) -> list[Host]:
    """Return the hosts of both sources, those of the file with any of `tags`.

    UsageError if there is none, or if two have one name.
    """
    from_file = read_hosts(file) if file else []
    known = {tag for host in from_file for tag in host.tags}
    if absent := [tag for tag in tags if tag not in known]:
        raise UsageError(
            f"No host of {file or 'a file'} has the tag {to_line(absent[0])}.",
            f"Choose from {join_words(sorted(known))}." if known else "Name a file with --hosts.",
        )
    chosen = [host for host in from_file if not tags or set(tags) & set(host.tags)]
    hosts = [*parse_hosts(values), *chosen]
    if not hosts:
        raise UsageError("No host is named.", "Name hosts with --host ssh://box1,box2.")
    for host in hosts:
        same = [each for each in hosts if each.name == host.name]
        if len(same) > 1:
            raise UsageError(
                f"Two hosts have the name {host.name}: {same[0].address} and {same[1].address}.",
                "Name each once; hosts of a file (--hosts) can have names of their own.",
            )
    return hosts


def read_hosts(file: Path) -> list[Host]:
    """Return the hosts of a TOML file; UsageError with line and field for an error."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        document = tomllib.loads(text)
    except OSError as error:
        raise UsageError(
            f"The hosts file {file} can't be read: {error.strerror}.", "Name a TOML file."
        ) from error
    except ValueError as error:
        raise UsageError(
            f"The hosts file {file} isn't valid TOML: {to_line(error)}.", "Correct it."
        ) from error
    for key in document:
        if key != "host":
            line = _line_of(text.splitlines(), to_line(key))
            raise _wrong(file, line, to_line(key), "is unknown", f"Write {EXAMPLE} for each host.")
    entries = document.get("host")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _wrong(file, None, "host", "is missing or isn't a table", f"Write {EXAMPLE}.")
    seen: dict[str, int | None] = {}
    hosts = []
    for number, entry in enumerate(entries):
        at = _Place(file=file, lines=text.splitlines(), number=number)
        host = _to_host(at, entry)
        if host.name in seen:
            where = f" in line {seen[host.name]}" if seen[host.name] else ""
            raise at.wrong("name", f"{host.name} is the name of another host{where}",
                           "Give each host a name of its own.")  # fmt: skip
        seen[host.name] = at.line("name")
        hosts.append(host)
    return hosts


@dataclass(frozen=True, kw_only=True)
class _Place:
    """One host of a file."""

    file: Path
    lines: Sequence[str]
    number: int

    def line(self, field: str) -> int | None:
        """Return the line of a field, or that of the host's heading, counted from 1."""
        starts = [n for n, line in enumerate(self.lines) if _HEADER.match(line)]
        if self.number >= len(starts):
            return None
        first = starts[self.number]
        last = starts[self.number + 1] if self.number + 1 < len(starts) else len(self.lines)
        inside = _line_of(self.lines[first:last], field)
        return first + (inside or 1)

    def wrong(self, field: str, what: str, remedy: str) -> UsageError:
        """Return the error of one field."""
        return _wrong(self.file, self.line(field), field, what, remedy)


def _line_of(lines: Sequence[str], field: str) -> int | None:
    pattern = re.compile(rf"\s*\[*\s*[\"']?{re.escape(field)}[\"']?\s*[].=]")
    return next((n for n, line in enumerate(lines, start=1) if pattern.match(line)), None)


def _wrong(file: Path, line: int | None, field: str, what: str, remedy: str) -> UsageError:
    place = f"{file}, line {line}, field" if line else f"{file}, field"
    return UsageError(f"{place} {field}: {what}.", remedy)


def _to_host(at: _Place, entry: Mapping[str, Any]) -> Host:
    for field, what, remedy in _faults(entry):
        raise at.wrong(field, what, remedy)
    address = str(entry.get("address", entry["name"]))
    return Host(
        name=entry["name"], address=address, tags=tuple(entry.get("tags", ())),
        usd_per_hour=entry.get("usd_per_hour"), nobs=entry.get("nobs"),
    )  # fmt: skip


def _faults(entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield field, fault and remedy of each fault of a host."""
    for field, value in entry.items():
        if field not in _FIELDS:
            yield to_line(field), "is unknown", f"A host has {join_words(tuple(_FIELDS))}."
        elif not _FIELDS[field][1](value):
            yield field, f"{to_line(value)!r} is refused", f"Write {_FIELDS[field][0]}."
    if "name" not in entry:
        yield "name", "is missing", f"Write {_FIELDS['name'][0]}."


def _parse_host(text: str) -> Host:
    remedy = "Write ssh://[USER@]HOST[:PORT], or an alias of ssh's configuration."
    if not _ADDRESS.fullmatch(text):
        raise UsageError(f"{to_line(text)!r} isn't an address for ssh.", remedy)
    try:
        parts = urlsplit(text if "://" in text else f"ssh://{text}")
        name, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{to_line(text)!r} isn't an address for ssh: {error}.", remedy) from error
    # urlsplit lowers the host, and aliases of ssh are case-sensitive.
    start = parts.netloc.lower().rfind(name or "")
    name = parts.netloc[start : start + len(name)] if name else ""
    if not re.fullmatch(NODE_NAME, name):
        raise UsageError(
            f"{to_line(text)} has no name for reports.",
            "Name it in a file for --hosts, or in ssh's configuration.",
        )
    # An address without user and port is an alias; `ssh://` isn't part of it.
    is_alias = parts.username is None and parts.port is None
    return Host(name=name, address=name if is_alias else f"ssh://{parts.netloc}")
