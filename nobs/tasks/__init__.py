"""The registry of tasks; to add one, see docs/how-to/add-a-task.md."""

from typing import TYPE_CHECKING

from nobs.registry import Registry

if TYPE_CHECKING:
    from nobs.tasks.base import TaskDefinition

TASKS: "Registry[TaskDefinition]" = Registry(
    "task",
    {
        "embeddings": "nobs.tasks.text_embeddings:DEFINITION",
        "llms": "nobs.tasks.llms:DEFINITION",
        "vlms": "nobs.tasks.vlms:DEFINITION",
        "diffusion": "nobs.tasks.diffusion:DEFINITION",
    },
    group="nobs.tasks",
)
