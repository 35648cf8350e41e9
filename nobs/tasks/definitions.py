"""Every task that can be loaded, and whose options there are."""

from functools import cache
from typing import Any

from nobs.errors import NobsError, RequirementError
from nobs.tasks import TASKS
from nobs.tasks.base import TaskDefinition
from nobs.tasks.options import Option


@cache
def definitions() -> tuple[TaskDefinition, ...]:
    """Return the tasks in their order, without those of packages that are broken.

    Who names such a task gets the reason; other tasks run all the same.
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
    """Return every option of a task by its name, in the order of the tasks.

    RequirementError for two tasks that mean different options by one name.
    """
    found: dict[str, Option[Any]] = {}
    for definition in definitions():
        for option in definition.options:
            if found.setdefault(option.name, option) != option:
                others = (each for each in owners_of(option.name) if each != definition.name)
                raise RequirementError(
                    f"The task {definition.name} declares another option {option.name!r} than "
                    f"{', '.join(others)}.",
                    "Uninstall one of the packages, or rename its option.",
                )
    return found


def owners_of(name: str) -> tuple[str, ...]:
    """Return the tasks that take an option, at least in a run of their own."""
    return tuple(
        definition.name
        for definition in definitions()
        if any(option.name == name for option in definition.options)
    )
