"""The proxies of this machine, as containers that fetch and builds reach them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from nobs.launch.engine.info import EngineInfo
from nobs.system.hosts import HOST_NAME, is_loopback, with_host

_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_EXCEPT = "NO_PROXY"


@dataclass(frozen=True, kw_only=True)
class ProxyRoute:
    """What a container needs to reach the proxies."""

    environment: Mapping[str, str] = field(default_factory=dict)
    """Each variable in upper and in lower case: curl reads one, Go both, pip the other."""
    network: str | None = None
    """The network that reaches them, None for any."""
    note: str = ""
    """Why containers can't reach a proxy, and what to do."""


def read_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the proxies by their upper-case names; the lower case wins, as in curl and requests.

    An empty lower-case variable switches the proxy off.
    """
    found = {
        name: environment.get(name.lower(), environment.get(name, ""))
        for name in (*_NAMES, _EXCEPT)
    }
    return {name: value for name, value in found.items() if value}


def route_proxies(proxies: Mapping[str, str], engine: EngineInfo, *, platform: str) -> ProxyRoute:
    """Return the variables and the network with which a container reaches `proxies`.

    A proxy on the host's loopback is reachable only from the host's network; an engine in a virtual
    machine has a name for the host; a rootless one can't reach it.
    """
    parts = {name: _split(value) for name, value in proxies.items() if name != _EXCEPT}
    local = {name: each for name, each in parts.items() if is_loopback(each.hostname or "")}
    if not local:
        return ProxyRoute(environment=_both_cases(proxies))
    if engine.desktop or platform != "Linux":
        moved = {name: with_host(each, HOST_NAME).geturl() for name, each in local.items()}
        return ProxyRoute(environment=_both_cases({**proxies, **moved}))
    if engine.rootless or engine.remote:
        where = next(iter(local.values()))
        return ProxyRoute(
            environment=_both_cases(proxies),
            note=f"the proxy listens on {where.hostname}:{where.port} only, which containers of "
            "this engine can't reach: let it listen on another address of this machine, or "
            "use --execution native",
        )
    return ProxyRoute(environment=_both_cases(proxies), network="host")


def _split(proxy: str) -> SplitResult:
    """Return the parts of the address, empty ones if it is invalid."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts


def _both_cases(proxies: Mapping[str, str]) -> dict[str, str]:
    return {case: value for name, value in proxies.items() for case in (name, name.lower())}
