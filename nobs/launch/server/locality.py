"""Where the model of a server computes: on this machine, on another one, or nobody knows."""

from contextlib import suppress
from urllib.parse import urlsplit

import psutil

from nobs.providers.base import Served
from nobs.schema.server import Locality
from nobs.settings import in_container
from nobs.system.hosts import is_loopback, is_this_machine
from nobs.system.processes import find_listener

type Place = tuple[Locality, str | None]
"""With the reason where it isn't this machine."""

_FORWARDERS = frozenset(
    {"ssh", "sshd", "sshd-session", "autossh", "plink", "kubectl", "tsh", "socat", "ncat",
     "stunnel", "stunnel4", "rinetd", "cloudflared", "ngrok", "frpc", "chisel", "haproxy", "nginx",
     "caddy", "traefik", "envoy", "apache2", "httpd", "mitmdump", "mitmproxy", "litellm"}
)  # fmt: skip
"""Programs that listen for others; Docker's own proxy leads to a container of this machine."""


def find_locality(served: Served) -> Place:
    """Return where the model computes: what the server itself gives away outweighs its address."""
    known = served.elsewhere
    if known is not None and known.locality is Locality.REMOTE:
        return known.locality, known.reason
    locality, reason = (Locality.LOCAL, None) if served.is_ours else _of_url(served.access.base_url)
    if known is not None and locality is Locality.LOCAL:
        return known.locality, known.reason
    return locality, reason


def _of_url(base_url: str) -> Place:
    """Return the place of the server; a container doesn't see its host's addresses."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    is_here = is_this_machine(host)
    if is_here is None:
        return Locality.UNKNOWN, f"The name {host} can't be resolved."
    if not is_here and in_container():
        reason = f"Whether {host} is the host can't be seen from inside a container."
        return Locality.UNKNOWN, reason
    if not is_here:
        return Locality.REMOTE, f"The server is another machine, {host}."
    forwarder = _forwarder(parts.port) if parts.port and is_loopback(host) else None
    if forwarder is not None:
        return Locality.UNKNOWN, f"{forwarder} listens on port {parts.port} and passes requests on."
    return Locality.LOCAL, None


def _forwarder(port: int) -> str | None:
    """Return the program that holds the port where it is one that passes requests on."""
    with suppress(psutil.Error):
        process = find_listener(port)
        name = process.name().lower().removesuffix(".exe") if process else ""
        return name if name in _FORWARDERS else None
    return None
