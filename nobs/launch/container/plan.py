"""A container as a value, for `--dry-run` and the engine."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from nobs.backends.base import ContainerNeeds, DeviceNode
from nobs.launch.container.devices import DeviceRequest, choose_requests
from nobs.launch.engine.info import EngineInfo
from nobs.launch.engine.route import SOCKET_DIR_IN_CONTAINER
from nobs.settings import hide_credentials
from nobs.storage.owner import this_owner

RUN_DIR_IN_CONTAINER = "/run-dir"
CACHE_IN_CONTAINER = "/cache/huggingface"
SECRETS_IN_CONTAINER = "/run/secrets"
TOKEN_VARIABLE = "HF_TOKEN_PATH"  # noqa: S105 - the variable, not the token
KEY_VARIABLE = "LLM_API_KEY_FILE"
CERTIFICATES_VARIABLE = "SSL_CERT_FILE"
COMMAND = ("python", "-m", "nobs.supervisor", RUN_DIR_IN_CONTAINER)
FETCH_COMMAND = (*COMMAND, "--fetch")
LABEL_RUN_ID = "nobs.run_id"
LABEL_OWNER = "nobs.owner"
LABEL_PROCESS = "nobs.owner.process"
LABEL_DEADLINE = "nobs.deadline"

# Any user id must work, also one that isn't in the image's /etc/passwd.
_ENVIRONMENT = {
    "HOME": "/tmp",  # noqa: S108 - the container's own tmpfs
    "USER": "nobs",
    "LOGNAME": "nobs",
    "HF_HOME": CACHE_IN_CONTAINER,
    "HF_MODULES_CACHE": "/tmp/modules",  # noqa: S108
    "XDG_CACHE_HOME": "/tmp/cache",  # noqa: S108
    "TORCHINDUCTOR_CACHE_DIR": "/tmp/torchinductor",  # noqa: S108
    "TRITON_CACHE_DIR": "/tmp/triton",  # noqa: S108
    "PYTHONUNBUFFERED": "1",
}
_CACHED = ("hub", "nobs")
"""Parts of the cache that a run reads: repositories of the hub, and rows taken from them."""
_PIDS_LIMIT = 4096
_SHM_BYTES = 1 << 30
_TMPFS_OPTIONS = "rw,exec,nosuid,nodev,size=4g,mode=1777"


@dataclass(frozen=True, kw_only=True)
class BindMount:
    """A directory or file of the host and its path in the container."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class SecretFile:
    """A file with a secret; inside the container `variable` has its path, never its text."""

    variable: str
    """As in `HF_TOKEN_PATH`."""
    source: Path

    @property
    def target(self) -> str:
        """Its path in the container."""
        return f"{SECRETS_IN_CONTAINER}/{self.source.name}"


@dataclass(frozen=True, kw_only=True)
class ContainerPlan:
    """One container; secrets only as paths of files."""

    name: str
    image: str
    command: tuple[str, ...]
    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    mounts: tuple[BindMount, ...] = ()
    devices: tuple[DeviceNode, ...] = ()
    device_requests: tuple[DeviceRequest, ...] = ()
    """Requests for the GPU, tried in this order."""
    environment: Mapping[str, str] = field(default_factory=dict)
    network: str = "none"
    tmpfs: Mapping[str, str] = field(default_factory=lambda: {"/tmp": _TMPFS_OPTIONS})  # noqa: S108
    read_only: bool = True
    security_options: tuple[str, ...] = ("no-new-privileges",)
    userns_mode: str | None = None
    pids_limit: int = _PIDS_LIMIT
    shm_bytes: int = _SHM_BYTES
    memory_bytes: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def without_socket(self) -> "ContainerPlan":
        """Return the container without the socket of a relay."""
        kept = tuple(mount for mount in self.mounts if mount.target != SOCKET_DIR_IN_CONTAINER)
        return replace(self, mounts=kept)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for printing and for JSON."""
        plain: dict[str, Any] = asdict(self)
        first, *others = plain.pop("device_requests") or (None,)
        plain |= {"device_request": first, "device_alternatives": others}
        for mount in plain["mounts"]:
            mount["source"] = str(mount["source"])
        shown = {name: hide_credentials(value) for name, value in self.environment.items()}
        plain["environment"] = shown
        return plain


def plan_container(  # noqa: PLR0913 - one value of everything
    *,
    run_id: str,
    run_dir: Path,
    image: str,
    engine: EngineInfo,
    needs: ContainerNeeds,
    cache_dir: Path | None = None,
    files: Iterable[Path] = (),
    secrets: tuple[SecretFile, ...] = (),
    socket_dir: Path | None = None,
    environment: Mapping[str, str] | None = None,
    passed: Iterable[str] = (),
    network: str = "none",
    fetches: bool = False,
    command: tuple[str, ...] = COMMAND,
    user: tuple[int, int] | None = None,
    memory_bytes: int | None = None,
    deadline: datetime | None = None,
) -> ContainerPlan:
    """Plan the container of one run; BackendMissing if the engine can't hand over the GPU.

    `environment` is set unchanged; variables in `passed` are taken from the caller unless `needs`
    has them. Only a container that `fetches` can write the cache and see the token of a login in
    it. `files` are the user's own models and data, mounted at the same paths. `socket_dir` has the
    socket of a relay.
    """
    # A rootless engine maps its user to root inside; other ids have no rights outside.
    uid, gid = (0, 0) if engine.rootless else user or caller()
    variables = {
        **_ENVIRONMENT,
        **{name: os.environ[name] for name in passed if name in os.environ},
        **needs.environment,
        **(environment or {}),
        **{secret.variable: secret.target for secret in secrets},
    }
    cache_mounts = _cache_mounts(cache_dir, fetches=fetches)
    # SELinux keeps containers off the user's files, and the API has no relabelling for bind mounts.
    unconfined = ("label=disable",) if engine.selinux else ()
    return ContainerPlan(
        name=f"nobs-{run_id}",
        image=image,
        command=command,
        uid=uid,
        gid=gid,
        groups=needs.groups,
        mounts=tuple(_mounts(run_dir, cache_mounts, files, secrets, socket_dir)),
        devices=needs.device_nodes,
        device_requests=choose_requests(needs.gpu, engine) if needs.gpu else (),
        environment=variables,
        network=network,
        security_options=("no-new-privileges", *unconfined),
        userns_mode="host" if engine.userns_remapped else None,
        memory_bytes=memory_bytes,
        labels=_labels(run_id, deadline),
    )


def owner_name() -> str:
    """Return the label of this user's containers on this machine."""
    return f"{this_owner().user}@{this_owner().host}"


def caller() -> tuple[int, int]:
    """Return the uid and gid of the calling user; on Windows, where there are none, 1000:1000."""
    if os.name == "nt":
        return 1000, 1000
    return os.getuid(), os.getgid()


def _mounts(
    run_dir: Path,
    cache: Iterable[BindMount],
    files: Iterable[Path],
    secrets: tuple[SecretFile, ...],
    socket_dir: Path | None,
) -> Iterator[BindMount]:
    yield BindMount(source=run_dir.absolute(), target=RUN_DIR_IN_CONTAINER)
    yield from cache
    shown = [(file, file.as_posix()) for file in files]
    shown += [(socket_dir, SOCKET_DIR_IN_CONTAINER)] if socket_dir else []
    shown += [(secret.source, secret.target) for secret in secrets]
    for source, target in shown:
        yield BindMount(source=source, target=target, read_only=True)


def _cache_mounts(cache: Path | None, *, fetches: bool) -> Iterator[BindMount]:
    if cache is not None and fetches:
        yield BindMount(source=cache.absolute(), target=CACHE_IN_CONTAINER)
    elif cache is not None:
        for name in _CACHED:
            source, target = cache.absolute() / name, f"{CACHE_IN_CONTAINER}/{name}"
            yield BindMount(source=source, target=target, read_only=True)


def _labels(run_id: str, deadline: datetime | None) -> dict[str, str]:
    owner = this_owner()
    labels = {
        LABEL_RUN_ID: run_id,
        LABEL_OWNER: owner_name(),
        LABEL_PROCESS: f"{owner.pid}:{owner.started}",
    }
    return labels | ({LABEL_DEADLINE: deadline.isoformat()} if deadline else {})
