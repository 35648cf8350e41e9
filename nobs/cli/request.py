"""From command-line parameters to a request."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nobs.catalog import load_catalog
from nobs.errors import UsageError
from nobs.launch.planning.request import RunRequest, flag_of
from nobs.schema.enums import Backend, Execution
from nobs.system.devices import common_backend, names_of
from nobs.tasks import TASKS

ALL_TASKS = "all"
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
    if "device" in given:
        given |= _backend_of_device(given["device"], given.get("backend"))
    of_every_task = {field.name for field in fields(RunRequest)}
    options = {name: value for name, value in given.items() if name not in of_every_task}
    rest = {name: value for name, value in given.items() if name in of_every_task}
    tasks = _choose_tasks(params["tasks"], params["profile"])
    return RunRequest(**{**rest, "tasks": tasks, "options": options})


def _backend_of_device(text: str, backend: Backend | None) -> dict[str, Backend]:
    """Return the backend that the devices have; UsageError if another one is requested."""
    named = common_backend(names_of(text))
    if named and backend and named is not backend:
        raise UsageError(
            f"--device {text} is of the backend {named}, but --backend is {backend}.",
            "Omit --backend: the device has one.",
        )
    return {"backend": named} if named else {}


def _check_not_empty(name: str, value: object) -> None:
    # An unset variable in a shell script gives an empty value.
    values = value if isinstance(value, tuple) else (value,)
    if any(isinstance(each, str) and not each.strip(" ,") for each in values):
        raise UsageError(f"{flag_of(name)} is empty.", "Give it a value, or omit it.")


def _choose_tasks(values: tuple[str, ...], profile: str) -> tuple[str, ...]:
    """Return the named tasks, each once; an empty tuple if none is named, or `all`."""
    parts = (part.strip() for value in values for part in value.split(","))
    names = tuple(dict.fromkeys(part for part in parts if part))
    if ALL_TASKS in names and len(names) > 1:
        others = ", ".join(name for name in names if name != ALL_TASKS)
        raise UsageError(
            f"--task has {ALL_TASKS}, and also {others}.", "Name all, or the tasks to run."
        )
    names = () if names == (ALL_TASKS,) else names
    for name in names:
        TASKS.load(name)
    load_catalog().tasks(profile)
    return names
