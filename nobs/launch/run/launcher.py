"""One run from its plan to its published report."""

import shutil

from nobs.errors import NobsError
from nobs.launch.executor.base import Executor, end_unseen
from nobs.launch.output import OnEvent
from nobs.launch.planning.plan import Plan
from nobs.launch.run.attach import take_over
from nobs.launch.run.ending import Finished, finish, is_finished
from nobs.launch.run.ownership import claimed, find_state, require_claim, require_ended
from nobs.launch.run.sweep import sweep
from nobs.launch.server.serving import record_absent, serve
from nobs.report.finish import missing_steps
from nobs.storage.owner import sweep_scratch
from nobs.storage.rundir import RunDir
from nobs.storage.store import find_run, make_run_dir, prepare_results
from nobs.supervisor.signals import stop_on_signals


def launch(plan: Plan, executor: Executor, on_event: OnEvent) -> Finished:
    """Build what is missing, run, and publish the report; a failure leaves nothing."""
    with stop_on_signals():
        plan, run_dir = prepare(plan, executor, on_event)
        try:
            return _execute(plan, executor, run_dir, on_event)
        except (NobsError, KeyboardInterrupt):
            is_empty = not any((run_dir.path / "steps").iterdir())
            if is_empty and not run_dir.events_file.exists():
                shutil.rmtree(run_dir.path, ignore_errors=True)
            raise


def prepare(plan: Plan, executor: Executor, on_event: OnEvent) -> tuple[Plan, RunDir]:
    """Build what is missing and write the specification; nothing is running yet."""
    _make_room(plan, executor)
    plan = executor.prepare(plan, on_event)
    run_dir = make_run_dir(plan.results, plan.spec.run_id)
    run_dir.write(run_dir.spec_file, plan.spec)
    return plan, run_dir


def resume(plan: Plan, executor: Executor, on_event: OnEvent) -> Finished:
    """Repeat the steps of an earlier run that didn't end as ok."""
    with stop_on_signals():
        _make_room(plan, executor)
        run_dir = find_run(plan.results, plan.spec.run_id)
        require_ended(run_dir, is_running=executor.is_running(run_dir))
        if find_state(run_dir) is not None and not is_finished(run_dir):
            take_over(run_dir, executor)
        return _execute(plan, executor, run_dir, on_event)


def _make_room(plan: Plan, executor: Executor) -> None:
    """Check that results can be written, and remove leftovers of dead launchers."""
    prepare_results(plan.results)
    sweep_scratch(plan.results / "runs")
    sweep(executor)


def _execute(plan: Plan, executor: Executor, run_dir: RunDir, on_event: OnEvent) -> Finished:
    with claimed(run_dir, plan.spec, restart=True) as state:
        missing = missing_steps(run_dir, plan.spec)
        for step in missing:
            run_dir.result_file(step.id).unlink(missing_ok=True)
        try:
            with serve(plan, missing, on_event) as served:
                spec = served.plan.spec
                run_dir.write(run_dir.spec_file, spec)
                if served.error is not None:
                    record_absent(run_dir, spec, served.error)
                outcome = executor.run(served.plan, run_dir, served.on_event)
                require_claim(run_dir, state)
                return finish(run_dir, spec, outcome)
        except KeyboardInterrupt:
            # Outside of the executor; further signals are ignored from here on.
            return finish(run_dir, plan.spec, end_unseen(plan.spec, state, interrupted=True))
