"""Run every step of a run directory and keep its report up to date."""

import contextlib
import time
from datetime import UTC, datetime

from nobs.errors import FailureClass, exit_code_of
from nobs.log import bind, get_logger
from nobs.report.finish import empty_result, missing_steps, record_missing, write_report
from nobs.schema.result import StepResult
from nobs.schema.spec import RunSpec, StepSpec
from nobs.storage.heartbeat import beating
from nobs.storage.rundir import RunDir
from nobs.supervisor.children import Relay, StepRunner, open_steps
from nobs.supervisor.events import EventSink
from nobs.supervisor.exits import count_oom_kills, explain_exit
from nobs.supervisor.fence import guard
from nobs.supervisor.processes import RunnerProcess
from nobs.supervisor.signals import stop_on_signals

log = get_logger()


def supervise(run_dir: RunDir, server: RunnerProcess | None) -> int:
    """Run all steps that have no result yet; return the run's exit code.

    `server` has been importing since before this process did, see `start_server`.
    """
    spec = run_dir.read_spec()
    with EventSink(run_dir) as sink, stop_on_signals(), beating(run_dir, guard(run_dir)):
        bind(run_id=spec.run_id)
        log.info(
            "run.started",
            backend=spec.backend,
            execution=spec.execution,
            steps=len(spec.steps),
            kept=len(spec.steps) - len(missing_steps(run_dir, spec)),
        )
        deadline = time.monotonic() + spec.timeout_s
        stopped = False
        try:
            _run_steps(run_dir, spec, server, Relay(sink.write), deadline)
        except KeyboardInterrupt as stop:
            stopped = True
            log.warning("run.interrupted", signal=str(stop))
            record_missing(run_dir, spec, FailureClass.INTERRUPTED, "The run was interrupted.")
        results = write_report(run_dir, spec, finished=True)
        failures = [r.failure.failure_class for r in results.values() if r.failure]
        code = exit_code_of([*failures, FailureClass.INTERRUPTED] if stopped else failures)
        log.info("run.finished", exit_code=code)
    return code


def _run_steps(
    run_dir: RunDir, spec: RunSpec, server: RunnerProcess | None, relay: Relay, deadline: float
) -> None:
    todo = [step for step in spec.steps if run_dir.find_result(step.id) is None]
    if not todo:
        return
    with contextlib.closing(open_steps(run_dir, server, relay, deadline)) as runner:
        for number, step in enumerate(todo, start=1):
            if time.monotonic() >= deadline:
                break
            log.info("step.started", step=step.id, number=number, of=len(todo), model=step.model.id)
            try:
                _run_step(run_dir, spec, runner, step, deadline)
            except KeyboardInterrupt:
                runner.stop()
                raise
            relay.end_step(step.id)
            results = write_report(run_dir, spec, finished=False)
            _announce(results[step.id])
    if time.monotonic() >= deadline:
        record_missing(run_dir, spec, FailureClass.TIMEOUT, "The run's time limit was reached.")


def _run_step(
    run_dir: RunDir, spec: RunSpec, runner: StepRunner, step: StepSpec, run_deadline: float
) -> None:
    started = datetime.now(UTC)
    deadline = min(run_deadline, time.monotonic() + step.timeout_s)
    kills = count_oom_kills()
    ended = runner.run(step.id, deadline)
    if run_dir.find_result(step.id) is None:
        exhausted = kills is None or kills != count_oom_kills()
        failure = explain_exit(ended, step.timeout_s, exhausted=exhausted)
        result = empty_result(spec, step, started, failure)
        run_dir.write(run_dir.result_file(step.id), result)


def _announce(result: StepResult) -> None:
    failure = result.failure
    log.info(
        "step.finished",
        step=result.step,
        status=result.status,
        repeats=len(result.samples),
        failure_class=failure.failure_class if failure else None,
        message=failure.message if failure else None,
        remedy=failure.remedy if failure else None,
    )
