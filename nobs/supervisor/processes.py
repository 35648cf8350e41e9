"""A runner process whose two pipes are read by threads into one queue of lines."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import IO, Literal

Stream = Literal["stdout", "stderr"]
MAX_LINE_BYTES = 64 * 1024
QUEUE_LINES = 10_000
GRACE_S = 5.0
"""How long descendants may keep the pipes open after the process has ended."""


class DeadlineReached(Exception):
    """The child's time is up."""


class RunnerProcess:
    """Start `python -m nobs.runner` and read its output; long lines are split."""

    def __init__(self, *arguments: str) -> None:
        self._lines: queue.Queue[tuple[Stream, str | None]] = queue.Queue(QUEUE_LINES)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nobs.runner", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        self._start_reader("stdout", self.process.stdout)
        self._start_reader("stderr", self.process.stderr)

    def request(self, line: str) -> bool:
        """Write a line to the process's stdin; False if it has closed it."""
        if self.process.stdin is None:
            return False
        try:
            self.process.stdin.write(f"{line}\n".encode())
            self.process.stdin.flush()
        except OSError:
            return False
        return True

    def lines(self, deadline: float) -> Iterator[tuple[Stream, str]]:
        """Yield (stream, line) until both pipes end; DeadlineReached at `deadline` (monotonic)."""
        open_streams = 2
        gone_at: float | None = None
        while open_streams:
            now = time.monotonic()
            if now >= deadline:
                raise DeadlineReached
            if gone_at is None and self.process.poll() is not None:
                gone_at = now
            if gone_at is not None and now >= gone_at + GRACE_S and self._lines.empty():
                return
            with contextlib.suppress(queue.Empty):
                stream, line = self._lines.get(timeout=min(0.2, deadline - now))
                if line is None:
                    open_streams -= 1
                else:
                    yield stream, line

    def stop(self) -> int:
        """End the process and its group; return its exit code."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        if self.process.poll() is None:
            kill_group(self.process.pid)
        elif sys.platform != "win32":
            # While a process of the group lives, no other process gets this id.
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()

    def _start_reader(self, stream: Stream, pipe: IO[bytes] | None) -> None:
        if pipe is None:
            raise RuntimeError("pipes are always asked for")
        threading.Thread(target=self._read, args=(stream, pipe), daemon=True).start()

    def _read(self, stream: Stream, pipe: IO[bytes]) -> None:
        with pipe:
            while raw := pipe.readline(MAX_LINE_BYTES):
                self._lines.put((stream, raw.decode("utf-8", "replace").rstrip("\r\n")))
        self._lines.put((stream, None))


def start_server(run_path: str) -> RunnerProcess | None:
    """Start the process that imports once and forks each step; None where that isn't safe.

    On macOS, whose frameworks don't survive a fork, and Windows each step imports its libraries.
    """
    return RunnerProcess(run_path, "--serve") if sys.platform.startswith("linux") else None


def kill_group(pid: int) -> None:
    """Kill a process and everything in its process group."""
    if sys.platform == "win32":
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)
        return
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            kill(pid, signal.SIGKILL)


def terminate(pid: int) -> bool:
    """Ask a step to stop; False if it has ended, or where no process can be asked."""
    if sys.platform == "win32":
        return False
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return False
    return True
