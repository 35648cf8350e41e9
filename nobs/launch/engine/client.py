"""The connection to the container engine and its facts."""

import os
import platform
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import docker
from docker.errors import APIError, DockerException
from docker.utils.utils import kwargs_from_env
from requests.exceptions import RequestException

from nobs.errors import EngineError
from nobs.launch.engine.contexts import Endpoint, resolve_endpoint
from nobs.launch.engine.info import (
    EngineInfo,
    Here,
    is_elsewhere,
    is_remote,
    parse_info,
    read_cdi_specs,
)
from nobs.schema.spec import EngineRef
from nobs.system.host import find_container_runtime
from nobs.system.probe import LocalMachine

_CONNECT_TIMEOUT_S = 15
_REQUEST_TIMEOUT_S = 120
_OLDEST_API = (1, 41)
_NATIVE = "or run without containers: --execution native."


@dataclass(frozen=True)
class Engine:
    """A connected engine; close it, or use it as a context manager."""

    client: docker.DockerClient
    endpoint: Endpoint
    ref: EngineRef
    info: EngineInfo
    environment: Mapping[str, str]
    """The environment for a docker command that uses this engine."""

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def connect(
    environment: Mapping[str, str] | None = None, *, timeout_s: int = _CONNECT_TIMEOUT_S
) -> Engine:
    """Connect to the engine that Docker's own command would use; EngineError if none answers."""
    variables = os.environ if environment is None else environment
    endpoint = resolve_endpoint(variables)
    try:
        _knock(endpoint)
        client = _open(endpoint, variables, timeout_s)
    except (DockerException, RequestException, OSError, ValueError) as error:
        raise explain_failure(repr(error), endpoint, variables) from error
    try:
        return _introduce(client, endpoint, variables)
    except BaseException:
        client.close()
        raise


def _knock(endpoint: Endpoint) -> None:
    # The SDK never closes a socket that it couldn't connect.
    path = endpoint.url.removeprefix("unix://")
    if path != endpoint.url:
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(_CONNECT_TIMEOUT_S)
            caller.connect(path)


def _open(endpoint: Endpoint, variables: Mapping[str, str], timeout_s: int) -> docker.DockerClient:
    options: dict[str, Any] = {"base_url": endpoint.url, "version": "auto"}
    if endpoint.from_host_variable:
        options |= kwargs_from_env(environment=dict(variables))
    elif endpoint.tls:
        options["tls"] = endpoint.tls
    client = docker.DockerClient(timeout=timeout_s, **options)
    client.api.timeout = _REQUEST_TIMEOUT_S
    return client


def _introduce(
    client: docker.DockerClient, endpoint: Endpoint, variables: Mapping[str, str]
) -> Engine:
    try:
        version, info = client.version(), client.info()
    except (APIError, RequestException) as error:
        raise explain_failure(str(error), endpoint, variables) from error
    ref = describe_engine(version, endpoint)
    check_version(ref)
    here = find_here()
    local = not (is_remote(endpoint.url) or is_elsewhere(info, here))
    directories = info.get("CDISpecDirs") or () if local else ()
    return Engine(
        client=client,
        endpoint=endpoint,
        ref=ref,
        info=parse_info(
            info, endpoint=endpoint.url, here=here, cdi_specs=read_cdi_specs(directories)
        ),
        environment=endpoint.select_for_cli(variables),
    )


def find_here() -> Here:
    """Return what identifies this machine."""
    contained = find_container_runtime(LocalMachine()) is not None
    name = None if contained else socket.gethostname()
    return Here(system=platform.system(), kernel=platform.release(), name=name)


def describe_engine(version: Mapping[str, Any], endpoint: Endpoint) -> EngineRef:
    """Read the engine's `/version`."""
    platform = (version.get("Platform") or {}).get("Name")
    components = [component.get("Name") for component in version.get("Components") or ()]
    return EngineRef(
        name=next(filter(None, [platform, *components]), "Docker Engine"),
        version=version.get("Version", "unknown"),
        api_version=version.get("ApiVersion", "unknown"),
        context="DOCKER_HOST" if endpoint.from_host_variable else endpoint.context,
        endpoint=endpoint.url,
    )


def check_version(ref: EngineRef) -> None:
    """Raise EngineError if the engine is older than the oldest supported one."""
    numbers = re.fullmatch(r"(\d+)\.(\d+)", ref.api_version)
    if numbers and (int(numbers[1]), int(numbers[2])) < _OLDEST_API:
        raise EngineError(
            f"The engine {ref.name} {ref.version} at {ref.endpoint} has API {ref.api_version}; "
            "NOBS needs 1.41.",
            f"Update Docker to 20.10 or newer, {_NATIVE}",
        )


def explain_failure(text: str, endpoint: Endpoint, environment: Mapping[str, str]) -> EngineError:
    """Return the error for a failed connection."""
    where = endpoint.described
    for pattern, message, remedy in _FAILURES:
        if re.search(pattern, text, re.IGNORECASE):
            hint = _rootless_hint(endpoint, environment) if "docker.sock" in endpoint.url else ""
            return EngineError(message.format(where=where), hint + remedy)
    return EngineError(
        f"No container engine answers at {where}: {' '.join(text.split())[:300]}.",
        f"Check `docker version`, {_NATIVE}",
    )


def _rootless_hint(endpoint: Endpoint, environment: Mapping[str, str]) -> str:
    own = Path(environment.get("XDG_RUNTIME_DIR") or "/nonexistent", "docker.sock")
    url = f"unix://{own}"
    is_another = own.exists() and url != endpoint.url
    return f"Use your own engine: export DOCKER_HOST={url}; " if is_another else ""


_START = (
    "Install Docker or start it (Linux: `sudo systemctl start docker`; macOS and Windows: Docker "
    f"Desktop), {_NATIVE}"
)

# (what the SDK's message contains, what happened, what to do next)
_FAILURES = (
    (
        r"PermissionError|permission denied",
        "No permission to use the container engine at {where}.",
        f"Join its group (`sudo usermod -aG docker $USER`) and log in again, {_NATIVE}",
    ),
    (
        r"paramiko",
        "The engine at {where} needs SSH, for which a package is missing.",
        "Install it (`pip install 'docker[ssh]'`).",
    ),
    (r"FileNotFoundError", "No container engine runs at {where}: its socket is missing.", _START),
    (
        r"ConnectionRefusedError|connection refused|refused it",
        "No container engine answers at {where}: the connection is refused.",
        _START,
    ),
    (
        r"timed? ?out",
        "The container engine at {where} doesn't answer in time.",
        "Check the address, the network and the firewall; a hanging engine needs a restart.",
    ),
    (
        r"failed to resolve|name or service not known|nodename nor servname",
        "The machine of the container engine at {where} can't be found.",
        "Correct DOCKER_HOST or the context (`docker context ls`).",
    ),
    (
        r"certificate|SSLError|tls",
        "The container engine at {where} and this machine don't trust each other.",
        "Check DOCKER_CERT_PATH and DOCKER_TLS_VERIFY, or the context's certificates.",
    ),
    (
        r"invalid bind address|unsupported|invalid hostname|no (host|scheme)",
        "The container engine's address {where} is invalid.",
        "Write it as unix:///path, tcp://host:port or ssh://user@host.",
    ),
    (
        r"client version .* is too (old|new)|minimum supported api",
        "The container engine at {where} and the installed Docker SDK have no API in common.",
        "Update Docker, or NOBS and its docker package.",
    ),
)
