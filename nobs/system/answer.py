"""Running a tool with a deadline, with a notice if it takes long."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

NOTICE_S = 1.0
"""After this time a notice names the tool that is waited for."""

_ELSEWHERE = {
    # WSL, and what services, cron and sudo leave out of PATH.
    "nvidia-smi": ("usr/lib/wsl/lib", "usr/bin", "usr/local/bin", "usr/local/nvidia/bin",
                   "run/current-system/sw/bin"),
    "amd-smi": ("opt/rocm/bin",),
    "rocm-smi": ("opt/rocm/bin",),
}  # fmt: skip
"""Directories of drivers' tools that may be missing in PATH."""
_LONGEST = 200


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The output of a tool and how it ended."""

    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    """None if it didn't end in time or couldn't be started."""

    @property
    def gave_up(self) -> bool:
        """Whether it didn't end in time."""
        return self.exit_code is None

    @property
    def text(self) -> str:
        """Its whole output on one line, cut to a readable length."""
        words = " ".join(f"{self.stdout} {self.stderr}".replace("\0", " ").split())
        return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}..."


def find_tool(name: str, root: Path = Path("/")) -> str | None:
    """Return the path of a tool: in PATH, else in the usual directories of drivers."""
    places = os.pathsep.join(str(root / place) for place in _ELSEWHERE.get(name, ()))
    return shutil.which(name) or (shutil.which(name, path=places) if places else None)


def report_waiting(name: str, timeout_s: float) -> None:
    """Write to standard error what is waited for."""
    sys.stderr.write(f"nobs: waiting for {name} (at most {timeout_s:g} s)\n")
    sys.stderr.flush()


def ask_tool(argv: tuple[str, ...], timeout_s: float) -> Answer:
    """Run a tool until it ends or reaches its deadline, then kill it and its children."""
    try:
        process = subprocess.Popen(
            argv,
            encoding="utf-8",
            env={**os.environ, "LC_ALL": "C"},
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=os.name == "posix",
        )
    except (OSError, ValueError) as error:
        return Answer(stderr=str(error), exit_code=126)
    first_s = min(NOTICE_S, timeout_s)
    for wait_s in (first_s, timeout_s - first_s):
        try:
            stdout, stderr = process.communicate(timeout=wait_s)
        except subprocess.TimeoutExpired:
            if wait_s == first_s and timeout_s > first_s:
                report_waiting(Path(argv[0]).name, timeout_s)
            continue
        return Answer(stdout=stdout, stderr=stderr, exit_code=process.returncode)
    _kill(process)
    return Answer()


def _kill(process: "subprocess.Popen[str]") -> None:
    """Kill a tool and its children; one that hangs in a driver can't be waited for."""
    with contextlib.suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
