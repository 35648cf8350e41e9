"""A run that goes on without a terminal: watched, or taken over where its launcher has died."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psutil

from nobs.launch.container.plan import LABEL_RUN_ID
from nobs.launch.output import OnEvent, Output, count_recorded
from nobs.launch.run.ending import Finished, finish, is_finished, judge
from nobs.launch.run.native import GRACE_S
from nobs.launch.run.ownership import (
    claimed,
    find_state,
    interrupt_owner,
    owner_lives,
)
from nobs.log import parse_line
from nobs.schema.base import Execution
from nobs.schema.outcome import Outcome
from nobs.schema.spec import RunSpec
from nobs.schema.state import RunState
from nobs.storage.rundir import RunDir
from nobs.storage.store import follow_lines
from nobs.supervisor.signals import stop_on_signals
from nobs.system.processes import find_process, sweep_scratch

if TYPE_CHECKING:
    from nobs.launch.engine.client import Engine

_TICK_S = 0.2


def attach(run_dir: RunDir, engine: "Engine | None", on_event: OnEvent) -> Finished:
    """Show the run's events from its beginning until it has ended; an interrupt stops the run."""
    spec, state = run_dir.read_spec(), find_state(run_dir)
    with stop_on_signals(), ExitStack() as stack:
        try:
            stack.enter_context(_shown(run_dir, state, on_event))
            return _see_out(run_dir, spec, engine)
        except KeyboardInterrupt:
            # Further signals are ignored from here on.
            interrupt_owner(run_dir)
            return _see_out(run_dir, spec, engine, interrupted=True)


def take_over(
    run_dir: RunDir, spec: RunSpec, engine: "Engine | None", *, interrupted: bool = False
) -> Finished:
    """Bring a run whose launcher has died to its end, at once if it was `interrupted`."""
    sweep_scratch(run_dir.path.parent)
    with claimed(run_dir, spec) as state:
        if run_dir.outcome_file.exists():
            return finish(run_dir, spec, run_dir.read_outcome())
        left_s = 0.0 if interrupted else _seconds_left(state) + GRACE_S
        if spec.image is not None and engine is not None:
            outcome = _adopt_container(run_dir, state, engine, left_s)
        else:
            outcome = _adopt_native(run_dir, spec, state, left_s)
        if interrupted:
            outcome = outcome.model_copy(update={"interrupted": True, "timed_out": False})
        return finish(run_dir, spec, outcome)


def worker_runs(run_dir: RunDir, spec: RunSpec, engine: "Engine | None") -> bool:
    """Tell whether the run goes on, whoever waits for it."""
    if spec.image is None or engine is None:
        return _find_worker(run_dir) is not None
    from nobs.launch.container.life import find_containers  # noqa: PLC0415 - needs the SDK

    found = find_containers(engine, LABEL_RUN_ID, spec.run_id)
    return any(container.status in ("running", "paused") for container in found)


def _find_worker(run_dir: RunDir) -> psutil.Process | None:
    """Return the supervisor of a native run, None if it is gone."""
    return find_process("-m", "nobs.supervisor", str(run_dir.path))


@contextmanager
def _shown(run_dir: RunDir, state: RunState | None, on_event: OnEvent) -> Iterator[None]:
    """Hand every event of the file to `on_event`, in a thread, to the last one of the block."""
    over = threading.Event()

    def show() -> None:
        offset = state.events_offset if state else 0
        for line in follow_lines(run_dir.events_file, over.is_set, offset):
            if event := parse_line(line):
                on_event(event)

    thread = threading.Thread(target=show, name="nobs-events")
    try:
        thread.start()
        yield
    finally:
        over.set()
        thread.join()


def _see_out(
    run_dir: RunDir, spec: RunSpec, engine: "Engine | None", *, interrupted: bool = False
) -> Finished:
    while owner_lives(run_dir):
        time.sleep(_TICK_S)
    if is_finished(run_dir):
        return judge(run_dir, spec)
    return take_over(run_dir, spec, engine, interrupted=interrupted)


def _adopt_container(run_dir: RunDir, state: RunState, engine: "Engine", left_s: float) -> Outcome:
    from nobs.launch.container.life import adopt_container  # noqa: PLC0415 - needs the SDK

    output = Output(run_dir, lambda _: None, count_recorded(run_dir, state.events_offset))
    outcome = adopt_container(engine, run_dir.path.name, output, timeout_s=max(0.0, left_s))
    return outcome or _unseen(Execution.CONTAINER, state, error="Its container is gone.")


def _adopt_native(run_dir: RunDir, spec: RunSpec, state: RunState, left_s: float) -> Outcome:
    worker = _find_worker(run_dir)
    timed_out = False
    if worker is not None:
        try:
            worker.wait(max(0.0, left_s))
        except psutil.TimeoutExpired:
            timed_out = True
            _end(worker)
    return _unseen(spec.execution, state, timed_out=timed_out)


def _end(worker: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        worker.terminate()
        try:
            worker.wait(GRACE_S)
        except psutil.TimeoutExpired:
            worker.kill()


def _unseen(
    execution: Execution, state: RunState, *, error: str = "", timed_out: bool = False
) -> Outcome:
    return Outcome(
        execution=execution, exit_code=None, error=error, timed_out=timed_out, started=state.since,
        finished=datetime.now(UTC),
    )  # fmt: skip


def _seconds_left(state: RunState) -> float:
    return (state.deadline - datetime.now(UTC)).total_seconds()
