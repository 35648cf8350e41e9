"""Commands with a time limit, as real processes."""

import sys
import time
from pathlib import Path

import pytest

from tests.fakes.waiting import has_ended, wait_for
from tools.check_gpu.process import run_bounded

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


def run(code: str, log: Path, limit_s: float) -> tuple[int | None, str, str]:
    ended = run_bounded([sys.executable, "-c", code], limit_s=limit_s, log=log, env={}, grace_s=0.2)
    return ended.exit_code, ended.stdout, ended.last_line


def test_what_a_command_says_and_how_it_ends_is_kept(tmp_path: Path) -> None:
    code = "import sys; print('found'); print('why', file=sys.stderr); sys.exit(3)"

    assert run(code, tmp_path / "log", 60.0) == (3, "found\n", "why")
    assert (tmp_path / "log.err").read_text() == "why\n"


def test_a_hanging_command_ends_with_what_it_started_in_another_session(tmp_path: Path) -> None:
    start = time.monotonic()

    code, stdout, _ = run(STUBBORN, tmp_path / "log", 5.0)

    assert code is None
    assert time.monotonic() - start < 60
    wait_for(lambda: has_ended(int(stdout)))
