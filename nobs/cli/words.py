"""From the command line's words to a request."""

from collections.abc import Callable, Mapping
from typing import Any

from nobs.catalog import load_catalog
from nobs.launch.planning.request import RunRequest
from nobs.schema.base import Backend, Dtype, Execution
from nobs.schema.pins import Arrivals
from nobs.tasks import TASKS

_TYPES: Mapping[str, Callable[[str], object]] = {
    "backend": Backend,
    "execution": Execution,
    "dtype": Dtype,
    "arrivals": Arrivals,
}


def to_request(words: Mapping[str, Any]) -> RunRequest:
    """Return the request of click's words; UsageError for an unknown task or profile."""
    typed: dict[str, Any] = {
        name: _TYPES[name](word) if name in _TYPES else word
        for name, word in words.items()
        if word not in (None, "auto")
    }
    return RunRequest(**{**typed, "tasks": _choose_tasks(words["tasks"], words["profile"])})


def _choose_tasks(values: tuple[str, ...], profile: str) -> tuple[str, ...]:
    """Return the named tasks, each once; none where the plan is to choose."""
    parts = (part.strip() for value in values for part in value.split(","))
    names = tuple(dict.fromkeys(part for part in parts if part))
    for name in names:
        TASKS.load(name)
    load_catalog().tasks(profile)
    return names
