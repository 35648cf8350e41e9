"""Starts a separate launcher for a run that must outlive this terminal."""

import subprocess
import sys
import time
from pathlib import Path

from nobs.errors import RunLost
from nobs.launch.run.ownership import find_state
from nobs.storage.rundir import RunDir

LOG = "launcher.log"
_START_S = 60.0
_TICK_S = 0.05


def start_detached(run_dir: RunDir) -> None:
    """Execute the prepared run in a process without a terminal; return once it owns the run.

    RunLost, with the process's output, if it ends before.
    """
    log = run_dir.path / LOG
    command = [sys.executable, "-m", "nobs", "run", "--resume", run_dir.path.name]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--results", str(run_dir.results)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file,
            start_new_session=True, creationflags=getattr(subprocess, "DETACHED_PROCESS", 0),
        )  # fmt: skip
    try:
        _await_owner(process, run_dir, log)
    except BaseException:
        process.terminate()
        process.wait()
        raise


def _await_owner(process: subprocess.Popen[bytes], run_dir: RunDir, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while not ((state := find_state(run_dir)) and state.owner.pid == process.pid):
        if process.poll() is not None or time.monotonic() > deadline:
            said = " ".join(log.read_text(encoding="utf-8", errors="replace").split())
            raise RunLost(
                f"The run in the background didn't start: {said}.",
                "Run it without --detach or --together.",
            )
        time.sleep(_TICK_S)
