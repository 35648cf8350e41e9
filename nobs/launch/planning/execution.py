"""Where a run computes: in a container, or natively in the launcher's own environment."""

from nobs.backends.base import BackendTarget
from nobs.errors import RequirementError, UsageError
from nobs.launch.planning.facts import Facts
from nobs.launch.planning.request import RunRequest
from nobs.schema.base import Execution


def choose_execution(
    request: RunRequest, target: BackendTarget, facts: Facts, *, with_device: bool = True
) -> tuple[Execution, list[str]]:
    """Return where to run; `auto` prefers a container where the backend and an engine allow it.

    `with_device` tells whether any task computes by itself and so needs the worker's libraries.
    """
    if facts.in_container:
        _refuse_native(request)
        return Execution.CONTAINER, []
    refusal = target.container_refusal
    match request.execution:
        case Execution.NATIVE:
            return Execution.NATIVE, _require_worker(facts, with_device)
        case Execution.CONTAINER:
            if refusal:
                raise UsageError(
                    f"The backend {target.name} can't run in a container: {refusal}.",
                    "Use --execution native.",
                )
            facts.require_engine()
            return Execution.CONTAINER, []
        case None if refusal:
            return Execution.NATIVE, [f"native: {refusal}", *_require_worker(facts, with_device)]
        case None if facts.engine is None:
            if with_device and not facts.worker_installed and facts.engine_error:
                raise facts.engine_error
            why = facts.engine_error.message if facts.engine_error else "no engine"
            return Execution.NATIVE, [f"native, since no container engine answers: {why}"]
    return Execution.CONTAINER, []


def _refuse_native(request: RunRequest) -> None:
    """Raise UsageError where the command line of a container asks for a native run."""
    if request.execution is Execution.NATIVE and "execution" not in request.settings:
        raise UsageError(
            "Inside a container a run can't be native.",
            "Leave --execution out, or start this run on the host.",
        )


def _require_worker(facts: Facts, with_device: bool) -> list[str]:  # noqa: FBT001 - a plain fact
    if with_device and not facts.worker_installed:
        raise RequirementError(
            "A native run needs torch and sentence-transformers beside the launcher.",
            'Install them with `pip install "nobs[bench]"` (`make setup` in a checkout), '
            "or use --execution container.",
        )
    return []
