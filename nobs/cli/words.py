"""From the command line's words to a request."""

from collections.abc import Callable, Mapping
from typing import Any

from nobs.catalog import load_catalog
from nobs.errors import UsageError
from nobs.launch.planning.request import RunRequest, flag_of
from nobs.schema.base import Backend, Dtype, Execution
from nobs.schema.pins import Arrivals
from nobs.tasks import TASKS

_TYPES: Mapping[str, Callable[[str], object]] = {
    "backend": Backend,
    "execution": Execution,
    "dtype": Dtype,
    "arrivals": Arrivals,
}

_CHOSEN_BY_PLAN = {("backend", "auto"), ("execution", "auto")}


def to_request(words: Mapping[str, Any]) -> RunRequest:
    """Return the request of click's words; UsageError for an unknown task or profile."""
    for name, word in words.items():
        _check_not_empty(name, word)
    typed: dict[str, Any] = {
        name: _TYPES[name](word) if name in _TYPES else word
        for name, word in words.items()
        if word is not None and (name, word) not in _CHOSEN_BY_PLAN
    }
    return RunRequest(**{**typed, "tasks": _choose_tasks(words["tasks"], words["profile"])})


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
