"""One run from its plan to its published report."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nobs.backends import BACKENDS
from nobs.errors import EngineError, NobsError, UsageError
from nobs.launch.container.plan import CACHE_IN_CONTAINER, ContainerPlan
from nobs.launch.image.plan import LABEL_TORCH_ARCHS
from nobs.launch.output import OnEvent, Output
from nobs.launch.planning.hub_cache import unfetched
from nobs.launch.planning.plan import Plan
from nobs.launch.run.attach import take_over, worker_runs
from nobs.launch.run.ending import Finished, finish, is_finished
from nobs.launch.run.native import GRACE_S, run_native
from nobs.launch.run.ownership import claimed, find_state
from nobs.launch.server.serving import Ready, record_absent, serve
from nobs.report.finish import missing_steps
from nobs.schema.outcome import Outcome
from nobs.schema.spec import RunSpec
from nobs.schema.state import RunState
from nobs.storage.rundir import RunDir
from nobs.storage.store import find_run, make_run_dir, prepare_results
from nobs.supervisor.signals import stop_on_signals
from nobs.system.processes import sweep_scratch

if TYPE_CHECKING:
    from nobs.launch.engine.client import Engine


def launch(plan: Plan, engine: "Engine | None", on_event: OnEvent) -> Finished:
    """Build what is missing, run, and publish the report; nothing stays behind on failure."""
    with stop_on_signals():
        plan, run_dir = prepare(plan, engine, on_event)
        try:
            return _carry_out(plan, engine, run_dir, on_event)
        except (NobsError, KeyboardInterrupt):
            _discard_unstarted(run_dir)
            raise


def prepare(plan: Plan, engine: "Engine | None", on_event: OnEvent) -> tuple[Plan, RunDir]:
    """Build what is missing and write the order; nothing is running yet."""
    _make_room(plan, engine)
    plan = _with_image(plan, engine, on_event)
    run_dir = make_run_dir(plan.results, plan.spec.run_id)
    run_dir.write(run_dir.spec_file, plan.spec)
    return plan, run_dir


def resume(plan: Plan, engine: "Engine | None", on_event: OnEvent) -> Finished:
    """Do the steps of an earlier run again that didn't end as ok, and only those."""
    with stop_on_signals():
        _make_room(plan, engine)
        run_dir = find_run(plan.results, plan.spec.run_id)
        _settle(plan, engine, run_dir)
        return _carry_out(plan, engine, run_dir, on_event)


def _make_room(plan: Plan, engine: "Engine | None") -> None:
    """Prove that results can be kept, and remove what dead launchers left."""
    prepare_results(plan.results)
    sweep_scratch(plan.results / "runs")
    if engine is not None:
        from nobs.launch.run.sweep import sweep  # noqa: PLC0415 - native runs never load the SDK

        sweep(engine)


def _settle(plan: Plan, engine: "Engine | None", run_dir: RunDir) -> None:
    """End what a launcher that died had begun; UsageError while its worker goes on."""
    if worker_runs(run_dir, plan.spec, engine):
        raise UsageError(
            f"Run {plan.spec.run_id} still goes on.",
            f"Watch it with `nobs attach {plan.spec.run_id}`; there Ctrl-C ends it.",
        )
    if find_state(run_dir) is not None and not is_finished(run_dir):
        take_over(run_dir, plan.spec, engine)


def _carry_out(plan: Plan, engine: "Engine | None", run_dir: RunDir, on_event: OnEvent) -> Finished:
    with claimed(run_dir, plan.spec, anew=True) as state:
        missing = missing_steps(run_dir, plan.spec)
        for step in missing:
            run_dir.result_file(step.id).unlink(missing_ok=True)
        try:
            with serve(plan, missing, engine.info if engine else None, on_event) as ready:
                return _measure(ready, engine, run_dir)
        except KeyboardInterrupt:
            # It came at an odd moment; further ones are ignored from here on.
            return finish(run_dir, plan.spec, _interrupted(plan.spec, state))


def _measure(ready: Ready, engine: "Engine | None", run_dir: RunDir) -> Finished:
    plan = ready.plan
    run_dir.write(run_dir.spec_file, plan.spec)
    if ready.error is not None:
        record_absent(run_dir, plan.spec, ready.error)
    return finish(run_dir, plan.spec, _execute(plan, engine, run_dir, ready.on_event))


def _interrupted(spec: RunSpec, state: RunState) -> Outcome:
    return Outcome(
        execution=spec.execution, exit_code=None, interrupted=True, started=state.since,
        finished=datetime.now(UTC),
    )  # fmt: skip


def _with_image(plan: Plan, engine: "Engine | None", on_event: OnEvent) -> Plan:
    """Build the image unless it is there, make sure that its torch has kernels for this GPU."""
    if plan.image is None or plan.container is None or engine is None:
        return plan
    from nobs.launch.image.build import ensure_image  # noqa: PLC0415 - native runs never load the SDK

    image = ensure_image(
        engine, plan.image, lambda line: on_event({"event": "image.output", "text": line})
    )
    archs = image.labels.get(LABEL_TORCH_ARCHS, "")
    BACKENDS.load(plan.spec.backend).check_image(plan.accelerators, archs)
    return replace(plan, spec=plan.spec.model_copy(update={"image": image}))


def _execute(plan: Plan, engine: "Engine | None", run_dir: RunDir, on_event: OnEvent) -> Outcome:
    hear = Output(run_dir, on_event)
    if plan.container is not None and engine is not None:
        fetched = _fetch(plan, engine, run_dir, hear)
        return fetched or _contain(engine, plan.container, plan.spec, hear)
    return run_native(run_dir.path, plan.spec, hear)


def _fetch(plan: Plan, engine: "Engine", run_dir: RunDir, hear: Output) -> Outcome | None:
    """Download what isn't cached; return how that ended if nothing can be measured after it."""
    if plan.fetch is None or not unfetched(plan.spec.workloads, _cache_of(plan.fetch)):
        return None
    outcome = _contain(engine, plan.fetch, plan.spec, hear)
    is_over = outcome.exit_code != 0 or outcome.interrupted or outcome.timed_out
    is_open = any(run_dir.find_result(step.id) is None for step in plan.spec.steps)
    return None if is_open and not is_over else outcome


def _cache_of(plan: ContainerPlan) -> Path:
    sources = (mount.source for mount in plan.mounts if mount.target == CACHE_IN_CONTAINER)
    return next(sources) / "hub"


def _contain(engine: "Engine", plan: ContainerPlan, spec: RunSpec, hear: Output) -> Outcome:
    from nobs.launch.container.life import run_container  # noqa: PLC0415 - native runs never load it

    outcome = run_container(engine, plan, hear, timeout_s=spec.timeout_s + GRACE_S)
    if hear.failure is not None:
        raise EngineError(
            f"The worker can't begin in its container, which was to see {plan.mounts[0].source}: "
            f"{hear.failure['message']}",
            hear.failure["remedy"],
        )
    return outcome


def _discard_unstarted(run_dir: RunDir) -> None:
    """Remove a run directory in which nothing was measured."""
    if not any((run_dir.path / "steps").iterdir()) and not run_dir.events_file.exists():
        shutil.rmtree(run_dir.path, ignore_errors=True)
