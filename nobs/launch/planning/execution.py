"""Where a run computes: in a container, or natively in the launcher's own environment."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nobs.backends.base import BackendTarget
from nobs.errors import EngineError, RequirementError, UsageError
from nobs.launch.planning.facts import Facts
from nobs.launch.planning.request import RunRequest
from nobs.schema.enums import Execution
from nobs.tasks import TASKS

if TYPE_CHECKING:
    from nobs.launch.engine.client import Engine


def choose_execution(
    request: RunRequest, target: BackendTarget, facts: Facts, tasks: Sequence[str]
) -> tuple[Execution, list[str]]:
    """Return where to run `tasks`; `auto` prefers a container where backend and engine allow it."""
    if facts.in_container:
        _refuse_native(request)
        return Execution.CONTAINER, []
    subject, refusal = f"backend {target.name}", target.container_refusal
    if not refusal and (own := [task for task in tasks if not TASKS.is_builtin(task)]):
        subject, refusal = f"task {own[0]}", f"no image of NOBS has the package of {own[0]}"
    match request.execution:
        case Execution.NATIVE:
            return Execution.NATIVE, _require_packages(facts, tasks)
        case Execution.CONTAINER:
            if refusal:
                raise UsageError(
                    f"The {subject} can't run in a container: {refusal}.",
                    "Use --execution native.",
                )
            refuse_elsewhere(facts.require_engine())
            return Execution.CONTAINER, []
        case None if refusal:
            return Execution.NATIVE, [f"native: {refusal}", *_require_packages(facts, tasks)]
        case None if facts.engine is None:
            is_missing = any(facts.missing_packages.get(task) for task in tasks)
            if facts.engine_error and (is_missing or facts.engine_is_elsewhere):
                raise facts.engine_error
            why = facts.engine_error.message if facts.engine_error else "no engine"
            return Execution.NATIVE, [f"native: no container engine answers: {why}"]
    refuse_elsewhere(facts.require_engine())
    return Execution.CONTAINER, []


def refuse_elsewhere(engine: "Engine") -> None:
    """Raise EngineError for an engine on another machine: it would measure that one.

    Its containers can't reach the directories of this machine, nor a server on its loopback.
    """
    if engine.info.remote:
        name = f" ({engine.info.host})" if engine.info.host else ""
        raise EngineError(
            f"The container engine at {engine.endpoint.described} is on another machine{name}.",
            "Run NOBS on that machine, or use the engine of this one: unset DOCKER_HOST, "
            "`docker context use default`. --execution native measures this machine.",
        )


def _refuse_native(request: RunRequest) -> None:
    """Raise UsageError where the command line of a container asks for a native run."""
    if request.execution is Execution.NATIVE and "execution" not in request.settings:
        raise UsageError(
            "A run inside a container can't be native.",
            "Leave --execution out, or start this run on the host.",
        )


def _require_packages(facts: Facts, tasks: Sequence[str]) -> list[str]:
    """Return no notes; RequirementError where a task's packages aren't installed."""
    for task in tasks:
        if missing := facts.missing_packages.get(task):
            raise RequirementError(
                f"A native run of {task} needs {', '.join(missing)}; not installed here.",
                f'Install with `pip install "{TASKS.load(task).extra}"` (`make setup` in a '
                "checkout), or use --execution container.",
            )
    return []
