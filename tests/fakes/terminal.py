"""A child process on a pseudo-terminal of its own, spoken to as a person would."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from select import select
from typing import Any

from tests.fakes.forked import ForkedNobs

if sys.platform != "win32":
    import pty

DEADLINE_S = 120.0
# Only the terminal that controls a session turns Ctrl-C into a signal.
_TAKE_TERMINAL = """
import fcntl, runpy, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
runpy.run_module("nobs", run_name="__main__", alter_sys=True)
"""


@dataclass
class Terminal:
    """The person's end of the terminal; `shown` is everything that was printed so far."""

    master: int
    process: subprocess.Popen[Any]
    shown: str = ""
    _printed: bytes = field(default=b"", repr=False)
    _seen: int = field(default=0, repr=False)

    def expect(self, text: str) -> str:
        """Wait until `text` follows what was expected before; return everything up to its end."""
        deadline = time.monotonic() + DEADLINE_S
        while text not in self.shown[self._seen :]:
            assert self._read(deadline), f"never printed {text!r}:\n{self.shown}"
        start = self._seen
        self._seen = self.shown.index(text, start) + len(text)
        return self.shown[start : self._seen]

    def type(self, text: str) -> None:
        """Type `text`; Enter is a line feed, Ctrl-C is 0x03, Ctrl-D is 0x04."""
        os.write(self.master, text.encode())

    def leave(self, key: str) -> int:
        """Type `key` until the child ends, as people do: a reader may miss a signal by a hair."""
        for _ in range(10):
            self.type(key)
            while self._read(time.monotonic() + 1.0):
                pass
            # While it ends, another Ctrl-C would kill it.
            if self.process.poll() is not None or "interrupted." in self.shown:
                break
        return self.wait()

    def wait(self) -> int:
        """Read until the end and return the exit code."""
        deadline = time.monotonic() + DEADLINE_S
        while self._read(deadline):
            pass
        return self.process.wait(DEADLINE_S)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select([self.master], [], [], max(0.0, deadline - time.monotonic()))
        # Linux reports the closed other end as an I/O error.
        with suppress(OSError):
            if ready and (data := os.read(self.master, 65536)):
                # As a whole: a read may end within a character or a line end.
                self._printed += data
                self.shown = self._printed.decode(errors="replace").replace("\r\n", "\n")
                return True
        return False


@contextmanager
def terminal(
    words: Sequence[str], env: Mapping[str, str], cwd: Path, *, is_fresh: bool = False
) -> Iterator[Terminal]:
    """Start `nobs` with a terminal as its three streams and as what Ctrl-C comes from.

    A fresh one is a process of its own from the beginning and not a fork of one that is there.
    """
    master, slave = pty.openpty()
    options: dict[str, Any] = {
        "stdin": slave, "stdout": slave, "stderr": slave, "env": env, "cwd": cwd,
        "start_new_session": True,
    }  # fmt: skip
    process: subprocess.Popen[Any]
    if sys.platform == "linux" and not is_fresh:
        process = ForkedNobs(words, **options)
    else:
        process = subprocess.Popen([sys.executable, "-c", _TAKE_TERMINAL, *words], **options)
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)
