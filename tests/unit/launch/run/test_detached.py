import os
import signal
import sys
import threading
from pathlib import Path

import psutil
import pytest

from nobs.launch.run.detached import start_detached
from nobs.storage.rundir import RunDir
from nobs.supervisor.signals import stop_on_signals
from tests.fakes.runs import faulty_workload, order


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGTERM")
def test_a_stop_while_a_run_starts_in_the_background_ends_that_run(tmp_path: Path) -> None:
    run_dir = order(tmp_path / "results", faulty_workload(tmp_path, "fine"))
    # The launcher imports for longer than that.
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
    with stop_on_signals(), pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        start_with(timer, run_dir)
    timer.join()
    started = [p for p in psutil.Process().children() if run_dir.path.name in _command(p)]

    assert not psutil.wait_procs(started, timeout=120)[1]
    assert not run_dir.outcome_file.exists()


def start_with(timer: threading.Timer, run_dir: RunDir) -> None:
    timer.start()
    start_detached(run_dir)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
