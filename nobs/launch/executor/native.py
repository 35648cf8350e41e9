"""Native execution: the same supervisor as in a container, as a child of the launcher."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import psutil

from nobs.launch.executor.base import GRACE_S, Environment, Executor, end_unseen
from nobs.launch.output import OnEvent, Output
from nobs.launch.planning.plan import Plan
from nobs.schema.enums import Status
from nobs.schema.outcome import Outcome
from nobs.schema.spec import RunSpec
from nobs.schema.state import RunState
from nobs.storage.rundir import RunDir
from nobs.system.child import child
from nobs.system.packages import find_version
from nobs.system.processes import find_process
from nobs.system.visible import VARIABLES

OnLine = Callable[[str, str], None]


class NativeExecutor(Executor):
    """Run the supervisor as a child, which outlives a killed launcher."""

    def run(self, plan: Plan, run_dir: RunDir, on_event: OnEvent) -> Outcome:
        """Run the supervisor to its end; its steps fetch what they need."""
        return run_native(run_dir.path, plan.spec, Output(run_dir, on_event))

    def is_running(self, run_dir: RunDir) -> bool:
        """Return whether the run's supervisor is a process of this machine."""
        return _find_supervisor(run_dir) is not None

    def adopt(self, run_dir: RunDir, state: RunState, timeout_s: float) -> Outcome:
        """Wait for the supervisor, whose exit code is unknown: it isn't a child any more."""
        supervisor = _find_supervisor(run_dir)
        timed_out = False
        if supervisor is not None:
            try:
                supervisor.wait(timeout_s)
            except psutil.TimeoutExpired:
                timed_out = True
                _end(supervisor)
        return end_unseen(run_dir.read_spec(), state, timed_out=timed_out)

    def compare_environments(self, run_dir: RunDir) -> tuple[Environment, Environment]:
        """Compare the libraries with those of the steps that stay."""
        results = (run_dir.find_result(step.id) for step in run_dir.read_spec().steps)
        kept = [result for result in results if result is not None and result.status is Status.OK]
        before = kept[0].environment.get("libraries", {}) if kept else {}
        return {"libraries": before}, {"libraries": {name: find_version(name) for name in before}}

    def close(self) -> None:
        """Do nothing: there is no connection."""


def _find_supervisor(run_dir: RunDir) -> psutil.Process | None:
    return find_process("-m", "nobs.supervisor", str(run_dir.path))


def _end(supervisor: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        supervisor.terminate()
        try:
            supervisor.wait(GRACE_S)
        except psutil.TimeoutExpired:
            supervisor.kill()


def run_native(run_path: Path, spec: RunSpec, on_line: OnLine) -> Outcome:
    """Run the supervisor until it ends; `on_line(stream, line)` takes its output."""
    started = datetime.now(UTC)
    state = {"timed_out": False, "interrupted": False}
    with _supervisor(run_path, spec) as process:
        reader = _read_stderr(process, on_line)
        watchdog = threading.Timer(spec.timeout_s + GRACE_S, _overdue, (process, state))
        watchdog.daemon = True
        watchdog.start()
        try:
            _relay(process, on_line)
        except KeyboardInterrupt:
            state["interrupted"] = True
            process.terminate()
            _drain(process, on_line)
        finally:
            watchdog.cancel()
        reader.join(GRACE_S)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
    return Outcome(
        execution=spec.execution,
        exit_code=process.returncode,
        started=started,
        finished=datetime.now(UTC),
        **state,
    )


def _supervisor(run_path: Path, spec: RunSpec) -> AbstractContextManager[subprocess.Popen[str]]:
    offline = {"HF_HUB_OFFLINE": "1"} if spec.offline else {}
    # The chosen device is named by UUID; the caller's variables might hide or renumber it.
    hidden = VARIABLES if spec.device and spec.device.variables else ()
    inherited = {name: value for name, value in os.environ.items() if name not in hidden}
    chosen = spec.device.variables if spec.device else {}
    return child(
        [sys.executable, "-m", "nobs.supervisor", str(run_path)],
        stderr=subprocess.PIPE,
        env={**inherited, "PYTHONUNBUFFERED": "1", **offline, **chosen},
    )


def _relay(process: subprocess.Popen[str], on_line: OnLine) -> None:
    for line in process.stdout or ():
        on_line("stdout", line.rstrip("\r\n"))


def _drain(process: subprocess.Popen[str], on_line: OnLine) -> None:
    """Read the supervisor's output while it cleans up; kill it if it takes too long."""
    killer = threading.Timer(GRACE_S, process.kill)
    killer.start()
    try:
        _relay(process, on_line)
    finally:
        killer.cancel()


def _read_stderr(process: subprocess.Popen[str], on_line: OnLine) -> threading.Thread:
    def read() -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in process.stderr or ():
                on_line("stderr", line.rstrip("\r\n"))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def _overdue(process: subprocess.Popen[str], state: dict[str, bool]) -> None:
    state["timed_out"] = True
    process.terminate()
    time.sleep(GRACE_S)
    process.kill()
