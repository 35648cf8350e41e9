"""Ownership of runs: claimed before anything is started, by one launcher at a time."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from nobs.errors import RunLost, UsageError
from nobs.launch.run.ending import is_finished
from nobs.schema.spec import RunSpec
from nobs.schema.state import Owner, RunState
from nobs.storage.heartbeat import SILENT_S, beating, is_beating
from nobs.storage.owner import is_alive, is_elsewhere, this_owner
from nobs.storage.rundir import RunDir


@contextmanager
def claimed(run_dir: RunDir, spec: RunSpec, *, restart: bool = False) -> Iterator[RunState]:
    """Own the run for the block; UsageError while another launcher does.

    A dead launcher's run keeps its deadline and its events, unless this is a `restart`.
    """
    with _locked(run_dir):
        before = find_state(run_dir)
        if before is not None and owner_lives(run_dir):
            raise _taken(run_dir, before.owner)
        if restart or before is None:
            now, events = datetime.now(UTC), run_dir.events_file
            state = RunState(
                owner=this_owner(), since=now, deadline=now + timedelta(seconds=spec.timeout_s),
                events_offset=events.stat().st_size if events.exists() else 0,
            )  # fmt: skip
        else:
            state = before.model_copy(update={"owner": this_owner()})
        run_dir.write(run_dir.state_file, state)
        if restart:
            run_dir.outcome_file.unlink(missing_ok=True)
        with beating(run_dir):
            yield state


def release_silent(run_dir: RunDir, watch_s: float = SILENT_S) -> None:
    """End the claim of a launcher on another machine that is dead; UsageError if it is alive.

    Nothing changes for a run of this machine: whether its launcher lives can be seen.
    """
    state = find_state(run_dir)
    if state is None or not is_elsewhere(state.owner) or is_finished(run_dir):
        return
    if is_beating(run_dir, watch_s):
        raise UsageError(
            f"Run {run_dir.path.name} is running on {state.owner.host} (user {state.owner.user}): "
            "its heartbeat continues.",
            "Wait until it has ended, or start a new run.",
        )
    run_dir.state_file.unlink(missing_ok=True)


def require_ended(run_dir: RunDir, *, is_running: bool) -> None:
    """UsageError if a launcher or a worker of this machine executes the run (`is_running`)."""
    state = find_state(run_dir)
    if state is not None and not is_elsewhere(state.owner) and owner_lives(run_dir):
        raise _taken(run_dir, state.owner)
    if is_running:
        raise UsageError(
            f"Run {run_dir.path.name} is still running.",
            f"Follow it with `nobs attach {run_dir.path.name}`, where Ctrl-C ends it.",
        )


def require_claim(run_dir: RunDir, state: RunState) -> None:
    """RunLost if another machine has taken the run over since `state`, as this one seemed dead."""
    now = find_state(run_dir)
    if now is None and not run_dir.path.is_dir():
        return  # whoever writes to it next says so
    if now is None or now.since != state.since:
        by = f"{now.owner.user} on {now.owner.host}" if now else "another machine"
        raise RunLost(
            f"Run {run_dir.path.name} was taken over by {by}.",
            "The results of this machine are discarded; see the run there.",
        )


def find_state(run_dir: RunDir) -> RunState | None:
    """Return the state of the run, None if it never started."""
    return run_dir.read_state() if run_dir.state_file.exists() else None


def owner_lives(run_dir: RunDir) -> bool:
    """Return whether another process executes the run now."""
    state = find_state(run_dir)
    if state is None or state.owner == this_owner():
        return False
    # Of a process on another machine only its files can be seen.
    return not is_finished(run_dir) if is_elsewhere(state.owner) else is_alive(state.owner)


def interrupt_owner(run_dir: RunDir) -> None:
    """Interrupt the run's launcher, if there is one; UsageError if it is on another machine."""
    state = find_state(run_dir)
    if state is None or not owner_lives(run_dir):
        return
    if is_elsewhere(state.owner):
        raise _taken(run_dir, state.owner)
    with suppress(OSError):
        os.kill(state.owner.pid, signal.SIGINT)


@contextmanager
def _locked(run_dir: RunDir) -> Iterator[None]:
    """Hold the directory's lock, which ends with the process; Windows has no such lock."""
    if sys.platform == "win32":
        yield
        return
    import fcntl  # noqa: PLC0415 - POSIX only

    descriptor = os.open(run_dir.path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise _taken(run_dir) from error
    try:
        yield
    finally:
        os.close(descriptor)


def _taken(run_dir: RunDir, owner: Owner | None = None) -> UsageError:
    name = run_dir.path.name
    if owner is not None and is_elsewhere(owner):
        return UsageError(
            f"Run {name} belongs to {owner.user} on {owner.host}, which can't be checked here.",
            f"Wait until it has ended; if it is dead, `nobs run --resume {name} --take-over`.",
        )
    return UsageError(
        f"Run {name} is being executed by another launcher.",
        f"Follow it with `nobs attach {name}`, or wait until it has ended.",
    )
