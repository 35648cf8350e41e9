"""From command-line parameters to a request."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nobs.catalog import load_catalog
from nobs.errors import UsageError
from nobs.launch.planning.request import RunRequest, flag_of
from nobs.schema.base import Backend, Execution
from nobs.tasks import TASKS

_AUTO = {"backend": Backend, "execution": Execution}
"""Parameters that planning chooses for `auto`."""


def to_request(params: Mapping[str, Any]) -> RunRequest:
    """Return the request for click's parameters; UsageError for an unknown task or profile."""
    for name, value in params.items():
        _check_not_empty(name, value)
    given = {name: value for name, value in params.items() if value not in (None, (), False)}
    for name, kind in _AUTO.items():
        if given.pop(name, "auto") != "auto":
            given[name] = kind(params[name])
    of_every_task = {field.name for field in fields(RunRequest)}
    options = {name: value for name, value in given.items() if name not in of_every_task}
    rest = {name: value for name, value in given.items() if name in of_every_task}
    tasks = _choose_tasks(params["tasks"], params["profile"])
    return RunRequest(**{**rest, "tasks": tasks, "options": options})


def _check_not_empty(name: str, value: object) -> None:
    # An unset variable in a shell script gives an empty value.
    values = value if isinstance(value, tuple) else (value,)
    if any(isinstance(each, str) and not each.strip(" ,") for each in values):
        raise UsageError(f"{flag_of(name)} is empty.", "Give it a value, or omit it.")


def _choose_tasks(values: tuple[str, ...], profile: str) -> tuple[str, ...]:
    """Return the named tasks, each once; an empty tuple if none is named."""
    parts = (part.strip() for value in values for part in value.split(","))
    names = tuple(dict.fromkeys(part for part in parts if part))
    for name in names:
        TASKS.load(name)
    load_catalog().tasks(profile)
    return names
