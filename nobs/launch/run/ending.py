"""Finishes a run: explain missing results, publish the report, decide the exit code."""

from dataclasses import dataclass
from pathlib import Path

from nobs.errors import FailureClass, RunLost, exit_code_of
from nobs.report.finish import record_missing, write_report
from nobs.schema.enums import Status
from nobs.schema.outcome import Outcome
from nobs.schema.report import Report
from nobs.schema.spec import RunSpec
from nobs.storage.rundir import RunDir
from nobs.storage.store import path_of, publish


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A finished run."""

    exit_code: int
    report: Report
    report_file: Path
    run_dir: RunDir


def finish(run_dir: RunDir, spec: RunSpec, outcome: Outcome) -> Finished:
    """Complete missing results, publish the report and decide the exit code."""
    run_dir.write(run_dir.outcome_file, outcome)
    # A stopped worker reports an interrupt; the outcome may have the real cause.
    knows_more = not outcome.interrupted and bool(outcome.error or outcome.timed_out)
    instead_of = FailureClass.INTERRUPTED if knows_more else None
    record_missing(run_dir, spec, *_explain_missing(outcome), instead_of=instead_of)
    write_report(run_dir, spec, finished=True)
    run_dir.sweep()
    report = run_dir.read_report()
    if _measured(report):
        publish(run_dir.results, report)
    return judge(run_dir, spec)


def is_finished(run_dir: RunDir) -> bool:
    """Return whether the run is finished."""
    if not (run_dir.outcome_file.exists() and run_dir.report_file.exists()):
        return False
    return run_dir.read_report().run.finished is not None


def judge(run_dir: RunDir, spec: RunSpec) -> Finished:
    """Return a finished run with its exit code."""
    outcome, report = run_dir.read_outcome(), run_dir.read_report()
    results = [run_dir.find_result(step.id) for step in spec.steps]
    failures = [r.failure.failure_class for r in results if r is not None and r.failure]
    code = max(exit_code_of(failures), 130 if outcome.interrupted else 0)
    if code == 0 and outcome.exit_code is not None:
        # The worker failed although all its steps are ok.
        is_known = outcome.exit_code in (0, 1, 3, 5, 130)
        code = outcome.exit_code if is_known else RunLost.exit_code
    # A run without any result is not published.
    published = path_of(run_dir.results, report)
    file = published if _measured(report) else run_dir.report_file
    return Finished(exit_code=code, report=report, report_file=file, run_dir=run_dir)


def _measured(report: Report) -> bool:
    """Return whether anything was measured; otherwise the host's latest report stays."""
    return any(m.status is Status.OK for task in report.tasks for m in task.models.values())


def _explain_missing(outcome: Outcome) -> tuple[FailureClass, str]:
    if outcome.interrupted:
        return FailureClass.INTERRUPTED, "The run was interrupted."
    if outcome.oom_killed:
        return FailureClass.OOM, "The container ran out of memory."
    if outcome.timed_out:
        return FailureClass.TIMEOUT, "The run's time limit was reached."
    code = "unknown" if outcome.exit_code is None else outcome.exit_code
    lost = f"The worker exited without a result; its exit code is {code}. {outcome.error}"
    return FailureClass.INFRA, lost.strip()
