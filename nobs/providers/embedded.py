"""A llama.cpp server in a child process, while a context is open."""

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
    """Settings of the server."""

    weights: Path
    model: str
    context_length: int
    threads: int
    parallel: int = 1
    aliases: tuple[str, ...] = ()
    """Further names of the model."""
    projector: Path | None = None
    """File that lets the model take images."""

    def to_json(self) -> str:
        """Return the settings as the child reads them."""
        return json.dumps(vars(self), default=str)


@contextmanager
def serving(settings: Settings, on_progress: OnProgress, *, wait_s: float) -> Iterator[str]:
    """Start the server and yield its URL; it ends with the context or this process.

    HostApiError, with the end of its log, if it doesn't start.
    """
    with tempfile.TemporaryDirectory(
        prefix="nobs-llamacpp-", ignore_cleanup_errors=True
    ) as directory:
        log = Path(directory) / "server.log"
        command = [sys.executable, "-m", _CHILD, settings.to_json(), str(log.parent)]
        # It ends when its standard input closes. It is in this session, so that killing the process
        # group kills it too.
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
    """Return the URL that the child writes once it listens; HostApiError if it ended."""
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
        "If the log has no reason: `pip install --force-reinstall xllamacpp`, or use a server: "
        "--llm-url URL.",
    )
