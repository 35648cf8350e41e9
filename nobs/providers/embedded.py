"""A llama.cpp server in a child process, for the time of a context."""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue

from nobs.errors import HostApiError
from nobs.providers.base import OnProgress
from nobs.system.child import child

_CHILD = "nobs.providers.llamacpp_server"
_STOP_S = 5.0
_QUOTED_LINES = 5


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the server serves, and with what."""

    weights: Path
    model: str
    context_length: int
    threads: int
    parallel: int = 1

    def to_json(self) -> str:
        """Return the settings as the child reads them."""
        return json.dumps({**vars(self), "weights": str(self.weights)})


@contextmanager
def serving(settings: Settings, on_progress: OnProgress, *, wait_s: float) -> Iterator[str]:
    """Start the server and yield its URL; it ends with the context, and with this process.

    HostApiError, with the end of its log, if it doesn't come up.
    """
    with tempfile.TemporaryDirectory(
        prefix="nobs-llamacpp-", ignore_cleanup_errors=True
    ) as directory:
        log = Path(directory) / "server.log"
        command = [sys.executable, "-m", _CHILD, settings.to_json(), str(log.parent)]
        # Its standard input is what tells it that we live; in our session, so that whoever kills
        # this process with its group kills it too.
        with (
            log.open("wb") as file,
            child(
                command, own_session=False, finish_s=_STOP_S, stdin=subprocess.PIPE, stderr=file
            ) as process,
        ):
            url = _wait_for_url(process, log, wait_s)
            try:
                yield url
            finally:
                if process.poll() is not None:
                    on_progress(_failure(f"ended with exit code {process.returncode}", log).message)


def _wait_for_url(process: subprocess.Popen[str], log: Path, wait_s: float) -> str:
    """Return the line that the child writes once it listens; empty lines mean that it ended."""
    lines: Queue[str] = Queue()
    stdout = process.stdout
    assert stdout is not None  # noqa: S101 -- a pipe
    threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    try:
        url = lines.get(timeout=wait_s).strip()
    except Empty:
        raise _failure(f"didn't start in {wait_s:.0f} s", log) from None
    if not url:
        raise _failure(f"ended with exit code {process.wait()}", log)
    return url


def _failure(what: str, log: Path) -> HostApiError:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    quoted = " | ".join(line.strip() for line in lines[-_QUOTED_LINES:])
    return HostApiError(
        f"The embedded llama.cpp server {what}. Its log ends: {quoted}.",
        "If the log doesn't say why: `pip install --force-reinstall xllamacpp`, or name a server: "
        "--llm-url URL.",
    )
