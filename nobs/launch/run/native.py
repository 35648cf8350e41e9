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
from typing import IO

from nobs.schema.base import Execution
from nobs.schema.outcome import Outcome
from nobs.schema.spec import RunSpec
from nobs.system.child import child

GRACE_S = 15.0
"""How long an interrupted or overdue supervisor may take to write its report."""
OnLine = Callable[[str, str], None]


def run_native(run_path: Path, spec: RunSpec, on_line: OnLine) -> Outcome:
    """Run the supervisor until it ends; `on_line(stream, line)` gets everything it says."""
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
        execution=spec.execution if spec.execution is Execution.CONTAINER else Execution.NATIVE,
        exit_code=process.returncode,
        started=started,
        finished=datetime.now(UTC),
        **state,
    )


def _supervisor(run_path: Path, spec: RunSpec) -> AbstractContextManager[subprocess.Popen[str]]:
    offline = {"HF_HUB_OFFLINE": "1"} if spec.offline else {}
    return child(
        [sys.executable, "-m", "nobs.supervisor", str(run_path)],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **offline},
    )


def _relay(process: subprocess.Popen[str], on_line: OnLine) -> None:
    if process.stdout is None:
        raise RuntimeError("stdout is always a pipe")
    for line in process.stdout:
        on_line("stdout", line.rstrip("\r\n"))


def _drain(process: subprocess.Popen[str], on_line: OnLine) -> None:
    """Hear the supervisor out while it cleans up; kill it if it takes too long."""
    killer = threading.Timer(GRACE_S, process.kill)
    killer.start()
    try:
        _relay(process, on_line)
    finally:
        killer.cancel()


def _read_stderr(process: subprocess.Popen[str], on_line: OnLine) -> threading.Thread:
    def read(pipe: IO[str]) -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in pipe:
                on_line("stderr", line.rstrip("\r\n"))

    if process.stderr is None:
        raise RuntimeError("stderr is always a pipe")
    thread = threading.Thread(target=read, args=(process.stderr,), daemon=True)
    thread.start()
    return thread


def _overdue(process: subprocess.Popen[str], state: dict[str, bool]) -> None:
    state["timed_out"] = True
    process.terminate()
    time.sleep(GRACE_S)
    process.kill()
