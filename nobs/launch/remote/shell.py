"""Scripts on one host by the system's ssh, and what failed if they do."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from nobs.errors import RequirementError
from nobs.launch.remote.hosts import Host
from nobs.system.ssh import ConnectionCut, explain, ssh_command
from nobs.text import to_line

_CONNECTION_FAILED = 255
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Shell:
    """Runs scripts on one host, each in a connection of its own."""

    host: Host
    config: Path | None = None

    def run(self, script: str) -> str:
        """Run a script to its end; return its output."""
        with self.open(script.encode()) as output:
            return output.read().decode("utf-8", "replace")

    def upload(self, content: bytes, path: str) -> None:
        """Write `content` to the file `path`, below the home directory there.

        The name and its directory, which is made, need no quotes for a shell.
        """
        directory = str(PurePosixPath(path).parent)
        with self.open(content, f"cd && mkdir -p {directory} && cat > {path}") as output:
            output.read()

    @contextmanager
    def open(self, given: bytes, command: str = "sh -s") -> Iterator[IO[bytes]]:
        """Run a script, or another `command` that reads what is given; yield its output.

        ConnectionCut or HostRefused if ssh failed, RequirementError if the script did.
        """
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stderr:
            stdin.write(given)
            stdin.seek(0)
            words = ssh_command(self.host.address, command, config=self.config)
            with subprocess.Popen(
                words, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True
            ) as process:
                if process.stdout is None:
                    raise RuntimeError("a pipe is always asked for")
                try:
                    yield process.stdout
                except BaseException:
                    process.kill()
                    raise
            stderr.seek(0)
            self._check(process.returncode, stderr.read().decode("utf-8", "replace"))

    def _check(self, code: int, said: str) -> None:
        if code == _CONNECTION_FAILED or code < 0:
            raise explain(self.host.name, self.host.address, said)
        if code:
            full = "no space left" in said.lower()
            raise RequirementError(
                f"{self.host.name}: {to_line(said.strip(), 500) or f'a script ended with {code}'}.",
                "Free some space there." if full else "Check the home directory there.",
            )


class Patience:
    """How long connections to a host may fail, counted from the last one that worked."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self.renew()

    def renew(self) -> None:
        """Count failed attempts from zero: the connection works."""
        self._end = time.monotonic() + self.limit_s
        self._pause_s = _FIRST_PAUSE_S

    def pause(self) -> bool:
        """Wait before another attempt; False if there is no time for one."""
        if time.monotonic() + self._pause_s > self._end:
            return False
        time.sleep(self._pause_s)
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        return True


def persist[T](action: Callable[[], T], patience: Patience) -> T:
    """Return what `action` does, which is repeated while connections are cut.

    ConnectionCut if `patience` ends.
    """
    patience.renew()
    while True:
        try:
            return action()
        except ConnectionCut:
            if not patience.pause():
                raise
