"""Follows a detached run, or takes it over if its launcher has died."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

from nobs.launch.executor.base import GRACE_S, Executor
from nobs.launch.output import OnEvent
from nobs.launch.run.ending import Finished, finish, is_finished, judge
from nobs.launch.run.ownership import (
    claimed,
    find_state,
    interrupt_owner,
    owner_lives,
)
from nobs.log import parse_line
from nobs.storage.owner import sweep_scratch
from nobs.storage.rundir import RunDir
from nobs.storage.store import follow_lines
from nobs.supervisor.signals import stop_on_signals

_TICK_S = 0.2


def attach(run_dir: RunDir, executor: Executor, on_event: OnEvent) -> Finished:
    """Show the run's events from its beginning until it has ended; an interrupt stops the run."""
    with stop_on_signals(), ExitStack() as stack:
        try:
            stack.enter_context(_shown(run_dir, on_event))
            return _wait(run_dir, executor)
        except KeyboardInterrupt:
            # Further signals are ignored from here on.
            interrupt_owner(run_dir)
            return _wait(run_dir, executor, interrupted=True)


def take_over(run_dir: RunDir, executor: Executor, *, interrupted: bool = False) -> Finished:
    """Finish a run whose launcher has died, at once if it was `interrupted`."""
    spec = run_dir.read_spec()
    sweep_scratch(run_dir.path.parent)
    with claimed(run_dir, spec) as state:
        if run_dir.outcome_file.exists():
            return finish(run_dir, spec, run_dir.read_outcome())
        left_s = (state.deadline - datetime.now(UTC)).total_seconds() + GRACE_S
        outcome = executor.adopt(run_dir, state, 0.0 if interrupted else max(0.0, left_s))
        if interrupted:
            outcome = outcome.model_copy(update={"interrupted": True, "timed_out": False})
        return finish(run_dir, spec, outcome)


@contextmanager
def _shown(run_dir: RunDir, on_event: OnEvent) -> Iterator[None]:
    """Pass every event of this attempt to `on_event`, in a thread, until the block ends."""
    state, over = find_state(run_dir), threading.Event()

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
        # An interrupt during its start leaves a thread that can't be joined yet; it ends by itself.
        if thread.is_alive():
            thread.join()


def _wait(run_dir: RunDir, executor: Executor, *, interrupted: bool = False) -> Finished:
    """Wait for the run's launcher; take over if it died."""
    while owner_lives(run_dir):
        time.sleep(_TICK_S)
    if is_finished(run_dir):
        return judge(run_dir, run_dir.read_spec())
    return take_over(run_dir, executor, interrupted=interrupted)
