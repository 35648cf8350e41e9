"""How a container's worker reaches a server of the host: the route by engine, as a value."""

import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from nobs.launch.engine.info import EngineInfo
from nobs.schema.server import Connection
from nobs.system.hosts import HOST_NAME, is_loopback, is_own_name, with_host

SOCKET_DIR_IN_CONTAINER = "/run/nobs"
SOCKET_NAME = "server.sock"


class RouteKind(StrEnum):
    """How the worker's requests leave its container."""

    DIRECT = "direct"
    """The URL means the same machine inside a container, over the container's network."""
    RELAY = "relay"
    """A unix socket that the launcher listens on, mounted into a container without a network."""
    HOST_NAME = "host-name"
    """The host's name inside a container, over the container's network."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """What a container needs to reach a server."""

    kind: RouteKind
    network: str = "none"
    socket_dir: Path | None = None
    """The host's directory of the relay's socket."""

    def apply(self, connection: Connection) -> Connection:
        """Return the launcher's connection as the worker in the container has it."""
        match self.kind:
            case RouteKind.DIRECT:
                return connection
            case RouteKind.HOST_NAME:
                return by_host_name(connection)
            case RouteKind.RELAY:
                socket = f"{SOCKET_DIR_IN_CONTAINER}/{SOCKET_NAME}"
                return connection.model_copy(update={"socket": socket})


def choose_route(host: str, engine: EngineInfo, run_path: Path, *, platform: str) -> Route:
    """Return the route from a container to `host`, for an engine of this machine.

    On Linux a relay serves every engine of this machine, rootless ones and Podman's too: the
    container needs no network and the server no other address than loopback. Engines in a virtual
    machine (Docker Desktop, and all on macOS and Windows) don't pass unix sockets on; they give the
    host a name.
    """
    if engine.desktop or platform != "Linux":
        # A machine's own name rarely resolves inside a container.
        is_here = is_loopback(host) or is_own_name(host)
        kind = RouteKind.HOST_NAME if is_here else RouteKind.DIRECT
        return Route(kind=kind, network="bridge")
    return Route(kind=RouteKind.RELAY, socket_dir=_socket_dir(run_path, engine))


def by_host_name(connection: Connection) -> Connection:
    """Return the connection to a server of the host as a container's network reaches it."""
    url = with_host(urlsplit(connection.base_url), HOST_NAME).geturl()
    return connection.model_copy(update={"base_url": url})


def _socket_dir(run_path: Path, engine: EngineInfo) -> Path:
    """Return a directory with a short path, since a socket's path has a limit.

    Docker's snap has its own /tmp: its socket is next to the run.
    """
    if engine.snap:
        return run_path.absolute().with_name(f"{run_path.name}-relay")
    return Path(tempfile.gettempdir()) / f"nobs-{run_path.name}"
