"""Requests as the command line makes them, and the pinned workloads that they are for."""

from dataclasses import fields
from typing import Any

from nobs.catalog import load_catalog
from nobs.launch.planning.request import RunRequest
from nobs.schema.pins import Workload
from nobs.tasks.parameters import typed

OF_EVERY_TASK = frozenset(field.name for field in fields(RunRequest)) - {"options"}


def make_request(**words: Any) -> RunRequest:
    """Return the request of `words`, fields of every task and options of some alike."""
    options = {name: word for name, word in words.items() if name not in OF_EVERY_TASK}
    rest = {name: word for name, word in words.items() if name in OF_EVERY_TASK}
    return RunRequest(**rest, options=options)


def pinned(task: str, profile: str) -> Workload:
    """Return the workload of the catalogue with the parameters of its task's class."""
    return typed(load_catalog().workload(task, profile))
