"""The registry of tasks; to add one, see docs/how-to/add-a-task.md."""

from typing import TYPE_CHECKING

from nobs.registry import Registry

if TYPE_CHECKING:
    from nobs.tasks.base import TaskDefinition

PACKAGES = {
    "embeddings": "nobs.tasks.text_embeddings",
    "llms": "nobs.tasks.llms",
    "vlms": "nobs.tasks.vlms",
    "diffusion": "nobs.tasks.diffusion",
    "embeddings-served": "nobs.tasks.served_embeddings",
}
"""Packages of the built-in tasks; each has the modules `definition` and `options`."""
TASKS: "Registry[TaskDefinition]" = Registry(
    "task",
    {name: f"{package}.definition:DEFINITION" for name, package in PACKAGES.items()},
    group="nobs.tasks",
)
