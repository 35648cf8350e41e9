"""What planning needs to know about this machine: the only I/O before a plan."""

import os
import re
import socket
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from nobs.errors import EngineError, NobsError, UsageError
from nobs.launch.container.plan import SecretFile
from nobs.launch.engine.proxies import read_proxies
from nobs.launch.planning.connection import resolve_connection
from nobs.launch.planning.request import RunRequest
from nobs.providers import PROVIDERS
from nobs.providers.definitions import EMBEDDED
from nobs.schema.device import DeviceInfo, DeviceRef
from nobs.schema.enums import Backend, Execution
from nobs.schema.server import Api, Connection, ServerRequest
from nobs.settings import (
    hf_home,
    hub_offline,
    in_container,
    llm_base_url,
    llm_model_name,
)
from nobs.system.accelerators import detect_backend, find_accelerators
from nobs.system.device_info import get_device_info
from nobs.system.gpus import Accelerators
from nobs.system.packages import find_missing
from nobs.system.probe import LocalMachine
from nobs.tasks import TASKS
from nobs.user import certificates

if TYPE_CHECKING:
    from nobs.launch.engine.client import Engine

CONNECT_S = 1.0
ROOT = Path(__file__).resolve().parents[3]
"""The checkout that this code runs from, if it is one."""
_ORIGIN = re.compile(
    r"(?:https://(?:[^@/]*@)?|ssh://git@|git@)([\w.-]+)[:/]([\w./-]+?)(?:\.git)?/?"
)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The machine at the moment of planning."""

    accelerators: Accelerators
    detected: Backend
    """The requested backend, else the one that `auto` chooses."""
    device_info: DeviceInfo
    """As a run on this backend sees it."""
    device: DeviceRef | None = None
    """The one that the user chose; None for the first of the backend."""
    engine: "Engine | None" = None
    engine_error: EngineError | None = None
    """Why there is no engine; None if none is needed."""
    engine_is_elsewhere: bool = False
    """Whether the URL of an engine that doesn't answer names another machine."""
    missing_packages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By task: which packages of its steps this launcher's environment doesn't have."""
    in_container: bool
    hf_home: Path
    hub_offline: bool
    proxies: Mapping[str, str] = field(default_factory=dict)
    """By their upper-case names."""
    certificates: Path | None = None
    """The file of certificates that HTTP clients trust."""
    secrets: tuple[SecretFile, ...] = ()
    """The user's secrets as files for containers."""
    llm_base_url: str | None = None
    """As the user has set it; None where nothing is set."""
    llm_model_name: str | None = None
    default_server_answers: bool | None = None
    """Whether anything listens at the default URL of LLM servers; None if unchecked."""
    embedded_servers: frozenset[Api] = frozenset(Api)
    """The kinds of servers that can be started for a run: their packages are installed."""
    now: datetime
    run_id: str
    commit: str | None
    source: str | None = None
    """Web address of the code."""

    def close(self) -> None:
        """Close the connection to the engine, if there is one."""
        if self.engine is not None:
            self.engine.close()

    def require_engine(self) -> "Engine":
        """Return the engine; raises the reason why there is none."""
        if self.engine is None:
            raise self.engine_error or UsageError(
                "Inside a container there is no container engine.", "Do this on the host."
            )
        return self.engine


def gather_facts(request: RunRequest) -> Facts:
    """Look at the machine; the engine only where a container may be wanted.

    BackendMissing if `auto` can't choose: a GPU is present but broken.
    """
    machine = LocalMachine()
    accelerators = find_accelerators(machine)
    backend = request.backend or detect_backend(accelerators)
    now = datetime.now(UTC)
    engine, error, is_elsewhere = _find_engine(request, backend)
    default_server = resolve_connection(ServerRequest(), in_container=in_container())
    return Facts(
        accelerators=accelerators,
        detected=backend,
        device_info=get_device_info(backend, machine, accelerators),
        engine=engine,
        engine_error=error,
        engine_is_elsewhere=is_elsewhere,
        missing_packages=find_missing_packages(request.tasks or TASKS),
        in_container=in_container(),
        hf_home=hf_home(),
        hub_offline=hub_offline(),
        proxies=read_proxies(os.environ),
        certificates=certificates(),
        llm_base_url=llm_base_url(),
        llm_model_name=llm_model_name(),
        default_server_answers=None if request.tasks else listens(default_server),
        embedded_servers=find_embedded(),
        now=now,
        run_id=f"{now:%Y%m%dT%H%M%SZ}-{token_hex(3)}",
        commit=find_commit(),
        source=find_source(),
    )


def find_missing_packages(tasks: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return by task what its steps need and this environment doesn't have."""
    missing = {}
    for name in tasks:
        # A plugin that can't be loaded is an error where its task is asked for.
        with suppress(NobsError):
            missing[name] = find_missing(TASKS.load(name).packages)
    return missing


def find_embedded() -> frozenset[Api]:
    """Return what servers started for a run can be asked for: their packages are installed."""
    return frozenset(
        api for api, name in EMBEDDED.items() if not find_missing(PROVIDERS.load(name).packages)
    )


def find_commit() -> str | None:
    """Return the commit of the checkout that this code runs from; NOBS_COMMIT in an image."""
    if commit := os.environ.get("NOBS_COMMIT"):
        return None if commit == "unknown" else commit
    # Without the optional lock: a kill would leave the checkout locked.
    return _ask_git(ROOT, "--no-optional-locks", "describe", "--always", "--dirty", "--abbrev=40",
                    "--exclude=*")  # fmt: skip


def find_source(root: Path = ROOT) -> str | None:
    """Return the web address of the checkout's origin; never a user's name or key in it."""
    origin = _ORIGIN.fullmatch(_ask_git(root, "config", "--get", "remote.origin.url") or "")
    return f"https://{origin[1]}/{origin[2]}" if origin else None


def _ask_git(root: Path, *words: str) -> str | None:
    """Return what git says of the checkout at `root`; None where there is none."""
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def listens(connection: Connection) -> bool:
    """Return whether anything accepts a connection within a second."""
    try:
        with socket.create_connection((connection.host, connection.port), CONNECT_S):
            return True
    except OSError:
        return False


def _find_engine(
    request: RunRequest, backend: Backend
) -> "tuple[Engine | None, EngineError | None, bool]":
    """Return the engine, else why there is none and whether its URL names another machine."""
    wanted = request.execution is not Execution.NATIVE and backend is not Backend.MPS
    if not wanted or in_container():
        return None, None, False
    # Native runs never load the SDK.
    from nobs.launch.engine.client import connect  # noqa: PLC0415
    from nobs.launch.engine.contexts import resolve_endpoint  # noqa: PLC0415
    from nobs.launch.engine.info import is_remote  # noqa: PLC0415

    is_elsewhere = False
    try:
        is_elsewhere = is_remote(resolve_endpoint(os.environ).url)
        return connect(), None, False
    except EngineError as error:
        return None, error, is_elsewhere
