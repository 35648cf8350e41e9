"""Resumes a run: the same specification, image and device, for the missing steps.

Everything but the directory of the results comes from the run's own specification.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nobs import __version__
from nobs.backends import BACKENDS
from nobs.catalog.changes import find_differences
from nobs.errors import UsageError
from nobs.launch.executor.base import Executor
from nobs.launch.planning.facts import Facts
from nobs.launch.planning.plan import Plan, plan_spec
from nobs.launch.planning.request import RunRequest
from nobs.launch.run.ownership import find_state, require_ended
from nobs.report.finish import missing_steps
from nobs.schema.enums import Execution
from nobs.schema.pins import Workload
from nobs.schema.report import WorkloadRef
from nobs.schema.spec import RunSpec
from nobs.storage.owner import is_elsewhere
from nobs.storage.rundir import RunDir


def request_of(spec: RunSpec, results: Path) -> RunRequest:
    """Return the request for the facts that `spec` needs."""
    device = spec.device.uuid or spec.device.name if spec.device else None
    return RunRequest(
        backend=spec.backend, execution=spec.execution, results=results, device=device
    )


def is_of_another(run_dir: RunDir, node: str | None) -> bool:
    """Return whether the run is of another machine than this one, which is named `node`."""
    spec, state = run_dir.read_spec(), find_state(run_dir)
    if node is not None and spec.node is not None:
        return node != spec.node
    return state is not None and is_elsewhere(state.owner)


def check_node(spec: RunSpec, node: str | None) -> None:
    """Raise UsageError if another machine than the run's own would measure the missing steps."""
    if node is not None and spec.node is not None and node != spec.node:
        raise UsageError(
            f"Run {spec.run_id} belongs to node {spec.node}; this is node {node}.",
            "Resume it there, start a new run, or measure all of it here with --take-over.",
        )


def plan_resume(run_dir: RunDir, results: Path, facts: Facts, executor: Executor) -> Plan:
    """Plan the missing steps; UsageError, with every difference, if anything has changed."""
    spec = run_dir.read_spec()
    if find_state(run_dir) is not None:
        _refuse_alone(spec)
    _refuse_changes(spec, run_dir, facts, executor)
    missing = missing_steps(run_dir, spec)
    notes = (f"resumed: {len(missing)} of {len(spec.steps)} steps are missing",)
    return replace(plan_spec(spec, results, facts), notes=notes)


def plan_again(
    run_dir: RunDir, results: Path, facts: Facts, executor: Executor, *, node: str | None
) -> Plan:
    """Plan all steps of another machine's run as a new run on this one, which is named `node`.

    A report is of one machine: what the other one measured stays in its own. UsageError, with every
    difference, if anything has changed.
    """
    spec = run_dir.read_spec()
    _refuse_alone(spec)
    _refuse_changes(spec, run_dir, facts, executor)
    require_ended(run_dir, is_running=executor.is_running(run_dir))
    new = {"run_id": facts.run_id, "created": facts.now, "node": node, "resumes": spec.run_id}
    notes = (f"measures all of run {spec.run_id}, whose report stays that of the other machine",)
    return replace(plan_spec(spec.model_copy(update=new), results, facts), notes=notes)


def _refuse_alone(spec: RunSpec) -> None:
    if spec.together:
        raise UsageError(
            f"Run {spec.run_id} measured at once with {', '.join(spec.together)}; resumed, its "
            "device would be alone.",
            "Start a new run with --device and --together.",
        )


def _refuse_changes(spec: RunSpec, run_dir: RunDir, facts: Facts, executor: Executor) -> None:
    changes = [
        *find_changes(spec, run_dir, facts),
        *_differences(*executor.compare_environments(run_dir)),
    ]
    if changes:
        raise UsageError(
            f"Run {spec.run_id} can't be resumed: {'; '.join(changes)}.",
            "Restore what changed, or start a new run with `nobs run`.",
        )
    BACKENDS.load(spec.backend).check_host(facts.accelerators)


def find_changes(spec: RunSpec, run_dir: RunDir, facts: Facts) -> Iterator[str]:
    """Yield differences of this machine and of the measured workloads from `spec`."""
    here = Execution.CONTAINER if facts.in_container or spec.image else Execution.NATIVE
    now = {"nobs_version": __version__, "nobs_commit": facts.commit, "execution": here}
    yield from _differences({name: getattr(spec, name) for name in now}, now)
    chosen = {"device": spec.device and spec.device.name}
    yield from _differences(chosen, {"device": facts.device and facts.device.name})
    device = spec.device_info.model_dump(mode="json")
    yield from _differences(device, facts.device_info.model_dump(mode="json"), "device.")
    if run_dir.report_file.exists():
        ordered = {workload.label: workload for workload in spec.workloads}
        for task in run_dir.read_report().tasks:
            pinned = ordered.get(task.workload.name)
            if pinned is None:
                yield f"{task.task} was measured as {task.workload.name}, now not specified"
            else:
                yield from _differences(_work(task.workload), _work(pinned), f"{task.task}.")


def _work(ordered: WorkloadRef | Workload) -> dict[str, Any]:
    plain = ordered.model_dump(mode="json", include={"dataset", "models", "params", "policy"})
    return plain | {"models": {model["id"]: model for model in plain["models"]}}


def _differences(
    before: Mapping[str, Any], now: Mapping[str, Any], where: str = ""
) -> Iterator[str]:
    for path, old, new in find_differences(before, now, where):
        yield f"{path} was {old}, is {new}"
