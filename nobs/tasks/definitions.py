"""All loadable tasks and their options."""

from functools import cache
from typing import Any

from nobs.errors import NobsError, RequirementError
from nobs.tasks import TASKS
from nobs.tasks.base import TaskDefinition
from nobs.tasks.options import Option


@cache
def definitions() -> tuple[TaskDefinition, ...]:
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


@cache
def options_of() -> dict[str, Option[Any]]:
    """Return the options of all tasks by name, in the order of the tasks.

    RequirementError if two tasks declare different options of one name.
    """
    found: dict[str, Option[Any]] = {}
    for definition in definitions():
        for option in definition.options:
            if found.setdefault(option.name, option) != option:
                others = (each for each in owners_of(option.name) if each != definition.name)
                raise RequirementError(
                    f"The task {definition.name} declares the option {option.name!r} differently "
                    f"from {', '.join(others)}.",
                    "Uninstall one of the packages, or rename its option.",
                )
    return found


def owners_of(name: str) -> tuple[str, ...]:
    """Return the tasks that take an option, at least if run alone."""
    return tuple(
        definition.name
        for definition in definitions()
        if any(option.name == name for option in definition.options)
    )
