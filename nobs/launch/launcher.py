"""One run from its plan to its published report."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nobs.backends import BACKENDS
from nobs.errors import FailureClass, NobsError, RunLost, exit_code_of
from nobs.launch.image_plan import LABEL_TORCH_ARCHS
from nobs.launch.native import GRACE_S, run_native
from nobs.launch.plan import Plan
from nobs.log import Event, format_line, parse_line
from nobs.schema.base import Status
from nobs.schema.outcome import Outcome
from nobs.schema.report import Report
from nobs.schema.rundir import RunDir
from nobs.signals import stop_on_signals
from nobs.store import append_line, find_run, make_run_dir, prepare_results, publish
from nobs.supervisor.finish import missing_steps, record_missing, write_report

if TYPE_CHECKING:
    from nobs.launch.engine import Engine

OnEvent = Callable[[Event], None]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a run left."""

    exit_code: int
    report: Report
    report_file: Path
    run_dir: RunDir


def launch(plan: Plan, engine: "Engine | None", on_event: OnEvent) -> Finished:
    """Build what is missing, run, and publish the report; nothing stays behind on failure."""
    prepare_results(plan.results)
    with stop_on_signals():
        plan = _with_image(plan, engine, on_event)
        run_dir = make_run_dir(plan.results, plan.spec.run_id)
        run_dir.write(run_dir.spec_file, plan.spec)
        return _carry_out(plan, engine, run_dir, on_event)


def resume(plan: Plan, engine: "Engine | None", on_event: OnEvent) -> Finished:
    """Do the steps of an earlier run again that didn't end as ok, and only those."""
    prepare_results(plan.results)
    with stop_on_signals():
        run_dir = find_run(plan.results, plan.spec.run_id)
        for step in missing_steps(run_dir, plan.spec):
            run_dir.result_file(step.id).unlink(missing_ok=True)
        return _carry_out(plan, engine, run_dir, on_event)


def _carry_out(plan: Plan, engine: "Engine | None", run_dir: RunDir, on_event: OnEvent) -> Finished:
    try:
        outcome = _execute(plan, engine, run_dir, on_event)
    except NobsError:
        _discard_unstarted(run_dir)
        raise
    run_dir.write(run_dir.outcome_file, outcome)
    return _finish(plan, run_dir, outcome)


def _with_image(plan: Plan, engine: "Engine | None", on_event: OnEvent) -> Plan:
    """Build the image unless it is there, make sure that its torch has kernels for this GPU."""
    if plan.image is None or plan.container is None or engine is None:
        return plan
    from nobs.launch.image import ensure_image  # noqa: PLC0415 - native runs never load the SDK

    image = ensure_image(
        engine, plan.image, lambda line: on_event({"event": "image.output", "text": line})
    )
    archs = image.labels.get(LABEL_TORCH_ARCHS, "")
    BACKENDS.load(plan.spec.backend).check_image(plan.accelerators, archs)
    return replace(plan, spec=plan.spec.model_copy(update={"image": image}))


def _execute(plan: Plan, engine: "Engine | None", run_dir: RunDir, on_event: OnEvent) -> Outcome:
    def hear(stream: str, line: str) -> None:
        event = parse_line(line) if stream == "stdout" else None
        if event is None and line.strip():
            event = _keep_output(plan, run_dir, stream, line)
        if event is not None:
            on_event(event)

    if plan.container is not None and engine is not None:
        from nobs.launch.container import run_container  # noqa: PLC0415 - as above

        return run_container(engine, plan.container, hear, timeout_s=plan.spec.timeout_s + GRACE_S)
    return run_native(run_dir.path, plan.spec, hear)


def _keep_output(plan: Plan, run_dir: RunDir, stream: str, line: str) -> Event:
    """Make an event of what the worker printed outside its event stream, so that it isn't lost."""
    event: Event = {
        "run_id": plan.spec.run_id, "stream": stream, "text": line, "event": "worker.output",
        "level": "info", "timestamp": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    append_line(run_dir.events_file, format_line(event))
    return event


def _finish(plan: Plan, run_dir: RunDir, outcome: Outcome) -> Finished:
    """Complete what a dead worker left open, publish, and decide the exit code."""
    spec = plan.spec
    record_missing(run_dir, spec, *_explain_missing(outcome))
    results = write_report(run_dir, spec, finished=True)
    report = run_dir.read_report()
    failures = [r.failure.failure_class for r in results.values() if r.failure]
    code = max(exit_code_of(failures), 130 if outcome.interrupted else 0)
    return Finished(
        exit_code=code or _unexplained(outcome),
        report=report,
        report_file=publish(plan.results, report) if _measured(report) else run_dir.report_file,
        run_dir=run_dir,
    )


def _measured(report: Report) -> bool:
    """Tell whether anything was measured; else the host's last report must stay."""
    return any(m.status is Status.OK for task in report.tasks for m in task.models.values())


def _explain_missing(outcome: Outcome) -> tuple[FailureClass, str, Status]:
    if outcome.interrupted:
        return FailureClass.INTERRUPTED, "The run was interrupted.", Status.FAILED
    if outcome.oom_killed:
        return FailureClass.OOM, "The container ran out of memory.", Status.FAILED
    if outcome.timed_out:
        return FailureClass.TIMEOUT, "The run's time was up.", Status.FAILED
    lost = f"The worker ended with exit code {outcome.exit_code} and left no result."
    return FailureClass.INFRA, f"{lost} {outcome.error}".strip(), Status.LOST


def _unexplained(outcome: Outcome) -> int:
    """Return the code of a worker that failed although all its steps are ok."""
    return outcome.exit_code if outcome.exit_code in (0, 1, 3, 5, 130) else RunLost.exit_code


def _discard_unstarted(run_dir: RunDir) -> None:
    """Remove a run directory in which nothing was measured."""
    if not any((run_dir.path / "steps").iterdir()) and not run_dir.events_file.exists():
        shutil.rmtree(run_dir.path, ignore_errors=True)
