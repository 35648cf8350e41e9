"""How a worker reaches a server of the host: the route by engine, as a value."""

import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from platform import system
from urllib.parse import SplitResult, urlsplit

from nobs.errors import UsageError
from nobs.launch.engine.info import EngineInfo
from nobs.settings import in_container as is_in_container
from nobs.system.hosts import HOST_NAME, connectable, is_loopback, is_own_name, with_host

SOCKET_DIR_IN_CONTAINER = "/run/nobs"
SOCKET_NAME = "server.sock"
_PORTS = {"http": 80, "https": 443}


class Way(StrEnum):
    """By which way the worker's requests go."""

    DIRECT = "direct"
    """The worker is on the host, or the URL means the same machine inside a container."""
    RELAY = "relay"
    """A unix socket that the launcher listens on, mounted into a container without a network."""
    HOST_NAME = "host-name"
    """The name that stands for the host inside a container, over the container's network."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """A server's address as the worker uses it, and what its container needs for it."""

    way: Way
    base_url: str
    host: str
    port: int
    """Where the server is as the host sees it."""
    network: str = "none"
    """The network that a container needs for this route."""

    @property
    def socket(self) -> str | None:
        """Path, in the container, of the socket to connect to; None where the URL's host is."""
        return f"{SOCKET_DIR_IN_CONTAINER}/{SOCKET_NAME}" if self.way is Way.RELAY else None


def choose_route(
    base_url: str, engine: EngineInfo | None, *, platform: str, in_container: bool = False
) -> Route:
    """Return the route to `base_url`; `engine` is None for a worker beside the launcher.

    On Linux a relay serves every engine of this machine, rootless ones and Podman's too: the
    container needs no network and the server no other address than loopback. Engines in a virtual
    machine (Docker Desktop, and all on macOS and Windows) don't pass unix sockets on; they give the
    host a name. UsageError for an engine on another machine.
    """
    parts = connectable(split_url(base_url))
    base_url = parts.geturl()
    host, port = str(parts.hostname), parts.port or _PORTS[parts.scheme]
    if engine is None:
        inside = in_container and is_loopback(host)
        url = with_host(parts, HOST_NAME).geturl() if inside else base_url
        way = Way.HOST_NAME if inside else Way.DIRECT
        return Route(way=way, base_url=url, host=host, port=port, network="bridge")
    if engine.remote:
        raise UsageError(
            f"The container engine is on another machine, from where {base_url} is another server.",
            "Run NOBS on that machine, or choose the local engine: `docker context use default`.",
        )
    if engine.desktop or platform != "Linux":
        # A machine's own name rarely resolves inside a container.
        is_here = is_loopback(host) or is_own_name(host)
        url = with_host(parts, HOST_NAME).geturl() if is_here else base_url
        way = Way.DIRECT if url == base_url else Way.HOST_NAME
        return Route(way=way, base_url=url, host=host, port=port, network="bridge")
    return Route(way=Way.RELAY, base_url=base_url, host=host, port=port)


def seen_here(base_url: str) -> str:
    """Return the URL as this process reaches it; UsageError where it is none."""
    inside = is_in_container()
    return choose_route(base_url, None, platform=system(), in_container=inside).base_url


def socket_dir(run_path: Path, engine: EngineInfo) -> Path:
    """Return the host's directory of a run's socket: short, since a socket's path has a limit.

    A snap has a /tmp of its own: there it is beside the run.
    """
    if engine.snap:
        return run_path.absolute().with_name(f"{run_path.name}-relay")
    return Path(tempfile.gettempdir()) / f"nobs-{run_path.name}"


def split_url(base_url: str) -> SplitResult:
    """Take a server's URL apart; UsageError where it isn't one."""
    try:
        parts = urlsplit(base_url)
        is_url = parts.scheme in _PORTS and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        is_url = False
    if not is_url:
        raise UsageError(
            f"{base_url!r} isn't a server's URL.", "Give one such as http://127.0.0.1:1234/v1."
        )
    if parts.query:
        raise UsageError(
            f"{base_url!r} has a query, which no request would have.",
            "Give the URL up to /v1; a key goes into LLM_API_KEY.",
        )
    return parts
