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
from nobs.launch.container.plan import SecretFile
from nobs.launch.executor.base import Executor
from nobs.launch.planning.facts import Facts
from nobs.launch.planning.plan import Plan, plan_spec
from nobs.launch.planning.request import RunRequest
from nobs.report.finish import missing_steps
from nobs.schema.base import Execution
from nobs.schema.pins import Workload
from nobs.schema.report import WorkloadRef
from nobs.schema.spec import RunSpec
from nobs.storage.rundir import RunDir


def request_of(spec: RunSpec, results: Path) -> RunRequest:
    """Return the request for the facts that `spec` needs."""
    return RunRequest(backend=spec.backend, execution=spec.execution, results=results)


def plan_resume(
    run_dir: RunDir,
    results: Path,
    facts: Facts,
    executor: Executor,
    secrets: tuple[SecretFile, ...] = (),
) -> Plan:
    """Plan the missing steps; UsageError, with every difference, if anything has changed."""
    spec = run_dir.read_spec()
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
    missing = missing_steps(run_dir, spec)
    notes = (f"resumed: {len(missing)} of {len(spec.steps)} steps are missing",)
    return replace(plan_spec(spec, results, facts, secrets), notes=notes)


def find_changes(spec: RunSpec, run_dir: RunDir, facts: Facts) -> Iterator[str]:
    """Yield differences of this machine and of the measured workloads from `spec`."""
    here = Execution.CONTAINER if facts.in_container or spec.image else Execution.NATIVE
    now = {"nobs_version": __version__, "nobs_commit": facts.commit, "execution": here}
    yield from _differences({name: getattr(spec, name) for name in now}, now)
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
