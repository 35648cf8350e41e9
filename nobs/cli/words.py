"""From the command line's words to a request."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nobs.catalog import load_catalog
from nobs.errors import UsageError
from nobs.launch.planning.request import RunRequest, flag_of
from nobs.schema.base import Backend, Execution
from nobs.tasks import TASKS

_AUTO = {"backend": Backend, "execution": Execution}
"""Words for which the plan may choose."""


def to_request(words: Mapping[str, Any]) -> RunRequest:
    """Return the request of click's words; UsageError for an unknown task or profile."""
    for name, word in words.items():
        _check_not_empty(name, word)
    given = {name: word for name, word in words.items() if word not in (None, (), False)}
    for name, kind in _AUTO.items():
        if given.pop(name, "auto") != "auto":
            given[name] = kind(words[name])
    of_every_task = {field.name for field in fields(RunRequest)}
    options = {name: word for name, word in given.items() if name not in of_every_task}
    rest = {name: word for name, word in given.items() if name in of_every_task}
    tasks = _choose_tasks(words["tasks"], words["profile"])
    return RunRequest(**{**rest, "tasks": tasks, "options": options})


def _check_not_empty(name: str, word: object) -> None:
    """Raise UsageError for an option without a value, such as that of a variable that isn't set."""
    each = word if isinstance(word, tuple) else (word,)
    if any(isinstance(value, str) and not value.strip(" ,") for value in each):
        raise UsageError(f"{flag_of(name)} is empty.", "Give it a value, or leave it out.")


def _choose_tasks(values: tuple[str, ...], profile: str) -> tuple[str, ...]:
    """Return the named tasks, each once; none where the plan is to choose."""
    parts = (part.strip() for value in values for part in value.split(","))
    names = tuple(dict.fromkeys(part for part in parts if part))
    for name in names:
        TASKS.load(name)
    load_catalog().tasks(profile)
    return names
