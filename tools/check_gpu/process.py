"""A command with a time limit: whatever it started ends with it, whichever session that is in."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from nobs.supervisor.processes import kill_group

GRACE_S = 10.0
"""Between the request to end and the kill: `nobs run` writes its report meanwhile."""
_TAIL_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    exit_code: int | None
    """None where it was killed at its limit; negative numbers are signals."""
    duration_s: float
    stdout: str
    stderr: str
    """The end of it."""

    @property
    def last_line(self) -> str:
        """The last line of standard error, else of standard output."""
        lines = [*self.stdout.splitlines(), *self.stderr.splitlines()]
        return next((line.strip() for line in reversed(lines) if line.strip()), "no output")


def run_bounded(
    command: Sequence[str],
    *,
    limit_s: float,
    log: Path,
    env: Mapping[str, str],
    grace_s: float = GRACE_S,
) -> Ended:
    """Run `command` for at most `limit_s`; its output goes to `log`.out and `log`.err.

    Files instead of pipes: a process that can't be killed, as in a driver that hangs, holds
    nothing up. OSError where the files can't be written.
    """
    out, err = log.with_suffix(".out"), log.with_suffix(".err")
    start = time.monotonic()
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=env,
            start_new_session=True,
        )  # fmt: skip
        try:
            exit_code: int | None = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            exit_code = None
        finally:
            end_tree(process, grace_s)
    return Ended(
        exit_code=exit_code,
        duration_s=time.monotonic() - start,
        stdout=out.read_text(errors="replace"),
        stderr=_tail(err),
    )


def end_tree(process: "subprocess.Popen[bytes]", grace_s: float) -> None:
    """Ask a process to end, then kill it, its group and all that it and they started."""
    started = _descendants(process.pid)
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
        started |= _descendants(process.pid)
    if sys.platform != "win32":
        kill_group(process.pid)
    for each in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1.0)


def _descendants(pid: int) -> set[psutil.Process]:
    try:
        return set(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return set()


def _tail(file: Path) -> str:
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - _TAIL_BYTES))
        return opened.read().decode(errors="replace")
