"""A server of its own in a child process, while a context is open."""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, Queue
from typing import Any, ClassVar

from nobs.errors import HostApiError
from nobs.providers.base import OnProgress, ServedModel
from nobs.providers.definitions import Definition
from nobs.providers.served import ServedModels
from nobs.schema.server import Api, Connection, ServerRequest
from nobs.system.child import child

_STOP_S = 5.0
_QUOTED_LINES = 5


@dataclass(frozen=True, kw_only=True)
class Program:
    """The module that serves in the child."""

    module: str
    """Takes the settings in JSON and a directory, writes its URL once it listens, perhaps with the
    stamp (`time.perf_counter`) at which its libraries were loaded, and ends when its standard input
    does."""
    title: str
    package: str
    """What to install again if it fails."""


@dataclass(frozen=True, kw_only=True)
class ChildSettings:
    """Settings of a server; each program has its own."""

    program: ClassVar[Program]
    model: str
    threads: int

    def to_json(self) -> str:
        """Return the settings as the child reads them."""
        return json.dumps(vars(self), default=str)


@dataclass(frozen=True, kw_only=True)
class Settings(ChildSettings):
    """Settings of a llama.cpp server."""

    program = Program(
        module="nobs.providers.llamacpp_server", title="llama.cpp", package="xllamacpp"
    )
    weights: Path
    context_length: int
    parallel: int = 1
    aliases: tuple[str, ...] = ()
    """Further names of the model."""
    projector: Path | None = None
    """File that lets the model take images."""


@dataclass(frozen=True, kw_only=True)
class EncoderSettings(ChildSettings):
    """Settings of a server of sentence-transformers."""

    program = Program(
        module="nobs.providers.encoder_server",
        title="sentence-transformers",
        package="sentence-transformers",
    )
    directory: Path
    max_seq_length: int


@dataclass(frozen=True, kw_only=True)
class EmbeddedModels(ServedModels):
    """Starts a server of its own where no URL is named."""

    settings_of: Callable[[ServerRequest], ChildSettings]
    """Finds the packaged model; RequirementError or UsageError if it can't be served."""
    identity_of: Callable[[Any], Mapping[str, object]]
    """Returns what the server doesn't know of itself: the library's name, files and digests."""
    api: Api = Api.CHAT

    @contextmanager
    def open(
        self,
        provider: Definition,
        request: ServerRequest,
        connection: Connection | None,
        on_progress: OnProgress,
    ) -> Iterator[ServedModel]:
        """Connect to the server, or serve the packaged model for the time of the context."""
        if connection is not None:
            with super().open(provider, request, connection, on_progress) as served:
                yield served
            return
        settings, wait_s = self.settings_of(request), request.request_timeout_s
        title, threads = settings.program.title, settings.threads
        on_progress(f"Starting {title} with {settings.model} on {threads} threads.")
        with running(settings, on_progress, wait_s=wait_s) as server:
            connection = Connection(base_url=f"{server.url}/v1", request_timeout_s=wait_s)
            served = self.connect(provider, connection, settings.model, on_progress, self.api)
            identity = served.identity.model_copy(update=dict(self.identity_of(settings)))
            yield replace(served, identity=identity, is_ours=True)


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server that listens."""

    url: str
    program_s: float | None
    """Stamp of `time.perf_counter` at which its libraries were loaded; None if it doesn't say."""


@contextmanager
def running(
    settings: ChildSettings, on_progress: OnProgress, *, wait_s: float
) -> Iterator[Running]:
    """Start the server; it ends with the context or this process.

    HostApiError, with the end of its log, if it doesn't start.
    """
    with tempfile.TemporaryDirectory(
        prefix="nobs-server-", ignore_cleanup_errors=True
    ) as directory:
        log = Path(directory) / "server.log"
        command = [
            sys.executable, "-m", settings.program.module, settings.to_json(), str(log.parent)
        ]  # fmt: skip
        # It ends when its standard input closes. It is in this session, so that killing the process
        # group kills it too.
        with (
            log.open("wb") as file,
            child(
                command, own_session=False, finish_s=_STOP_S, stdin=subprocess.PIPE, stderr=file
            ) as process,
        ):
            server = _wait_for_url(process, settings.program, log, wait_s)
            try:
                yield server
            finally:
                if process.poll() is not None:
                    ended = f"ended with exit code {process.returncode}"
                    on_progress(_failure(settings.program, ended, log).message)


def _wait_for_url(
    process: subprocess.Popen[str], program: Program, log: Path, wait_s: float
) -> Running:
    """Return what the child writes once it listens; HostApiError if it ended."""
    lines: Queue[str] = Queue()
    stdout = process.stdout
    assert stdout is not None  # noqa: S101 -- a pipe
    threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    try:
        url, *stamps = lines.get(timeout=wait_s).split() or [""]
    except Empty:
        raise _failure(program, f"didn't start in {wait_s:.0f} s", log) from None
    if not url:
        raise _failure(program, f"ended with exit code {process.wait()}", log)
    return Running(url=url, program_s=float(stamps[0]) if stamps else None)


def _failure(program: Program, what: str, log: Path) -> HostApiError:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    quoted = " | ".join(line.strip() for line in lines[-_QUOTED_LINES:])
    return HostApiError(
        f"The embedded {program.title} server {what}. Its log ends: {quoted}.",
        f"If the log has no reason: `pip install --force-reinstall {program.package}`, or use a "
        "server: --llm-url URL.",
    )
