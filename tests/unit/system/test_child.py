import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import IO

import psutil
import pytest

from nobs.system.child import child

ECHO = "import sys; print('up', flush=True); print(sys.stdin.read(), end='')"
SLEEP = "import time; print('up', flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def first_line(process: subprocess.Popen[str]) -> str:
    return next(iter(process.stdout or ()))


def test_what_ends_by_itself_when_its_input_closes_is_not_terminated() -> None:
    with child(python(ECHO), stdin=subprocess.PIPE, finish_s=30) as process:
        assert first_line(process) == "up\n"

    assert process.returncode == 0


@pytest.mark.parametrize(
    ("code", "ended_by"), [(SLEEP, signal.SIGTERM), (DEAF, signal.SIGKILL)], ids=["term", "kill"]
)
def test_what_does_not_end_is_terminated_and_at_last_killed(code: str, ended_by: int) -> None:
    with child(python(code), grace_s=0.2 if ended_by == signal.SIGKILL else 30) as process:
        first_line(process)

    assert process.returncode == -ended_by


def test_it_ends_with_a_block_that_fails_and_its_pipes_are_closed() -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        child(python(SLEEP), stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process,
    ):
        interrupt_after_start(process)

    assert not psutil.pid_exists(process.pid)
    assert [pipe.closed for pipe in pipes(process)] == [True] * 3


def test_by_default_it_has_no_input_and_a_session_of_its_own() -> None:
    code = "import os, sys; print(os.getsid(0), repr(sys.stdin.read()))"

    with child(python(code)) as process:
        assert first_line(process) == f"{process.pid} ''\n"


def test_in_our_session_whoever_ends_our_group_ends_it_too() -> None:
    with child(python("import os; print(os.getpgid(0))"), own_session=False) as process:
        assert first_line(process) == f"{os.getpgid(0)}\n"


def interrupt_after_start(process: subprocess.Popen[str]) -> None:
    first_line(process)
    raise KeyboardInterrupt


def pipes(process: subprocess.Popen[str]) -> Iterator[IO[str]]:
    yield from filter(None, (process.stdin, process.stdout, process.stderr))
