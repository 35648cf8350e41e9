"""All loadable tasks and their options."""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nobs.errors import NobsError, RequirementError
from nobs.registry import resolve
from nobs.tasks import PACKAGES, TASKS
from nobs.tasks.options import Option

if TYPE_CHECKING:
    from nobs.tasks.base import TaskDefinition


@cache
def definitions() -> "tuple[TaskDefinition, ...]":
    """Return the tasks in order, without those of broken packages.

    Selecting a broken task raises its error; the others still run.
    """
    found = []
    for name in TASKS:
        try:
            found.append(TASKS.load(name))
        except NobsError:
            continue
    return tuple(found)


def is_complete_model(directory: Path) -> bool:
    """Return whether `directory` has all files of a model of any task."""
    kinds = dict.fromkeys(definition.is_complete for definition in definitions())
    return any(resolve(kind)(directory) for kind in kinds)


@cache
def options_by_task() -> Mapping[str, tuple[Option[Any], ...]]:
    """Return the options of each loadable task in order; built-in tasks aren't imported for it."""
    found = {}
    for name in TASKS:
        with suppress(NobsError):
            package = PACKAGES.get(name)
            own = resolve(f"{package}.options:OPTIONS") if package else TASKS.load(name).options
            found[name] = own
    return found


@cache
def options_of() -> dict[str, Option[Any]]:
    """Return the options of all tasks by name, in the order of the tasks.

    RequirementError if two tasks declare different options of one name.
    """
    found: dict[str, Option[Any]] = {}
    for task, options in options_by_task().items():
        for option in options:
            if found.setdefault(option.name, option) != option:
                others = (each for each in owners_of(option.name) if each != task)
                raise RequirementError(
                    f"The task {task} declares the option {option.name!r} differently "
                    f"from {', '.join(others)}.",
                    "Uninstall one of the packages, or rename its option.",
                )
    return found


def owners_of(name: str) -> tuple[str, ...]:
    """Return the tasks that take an option, at least if run alone."""
    return tuple(
        task
        for task, options in options_by_task().items()
        if any(option.name == name for option in options)
    )
