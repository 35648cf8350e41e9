"""Where the model of a server computes: on this machine, on another one, or unknown."""

from contextlib import suppress

import psutil

from nobs.providers.base import ServedModel
from nobs.schema.server import Connection, Locality
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
"""Programs that forward requests; Docker's own proxy forwards to this machine."""


def find_locality(served: ServedModel) -> Place:
    """Return where the model computes: evidence of the server outweighs its address."""
    known = served.elsewhere
    if known is not None and known.locality is Locality.REMOTE:
        return known.locality, known.reason
    locality, reason = (Locality.LOCAL, None) if served.is_ours else _place_of(served.connection)
    if known is not None and locality is Locality.LOCAL:
        return known.locality, known.reason
    return locality, reason


def _place_of(connection: Connection) -> Place:
    """Return the place of the server; a container doesn't see its host's addresses."""
    host, port = connection.host, connection.port
    is_here = is_this_machine(host)
    if is_here is None:
        return Locality.UNKNOWN, f"The name {host} can't be resolved."
    if not is_here and in_container():
        reason = f"Whether {host} is the host can't be seen from inside a container."
        return Locality.UNKNOWN, reason
    if not is_here:
        return Locality.REMOTE, f"The server is another machine, {host}."
    forwarder = _forwarder(port) if is_loopback(host) else None
    if forwarder is not None:
        return Locality.UNKNOWN, f"{forwarder} listens on port {port} and forwards requests."
    return Locality.LOCAL, None


def _forwarder(port: int) -> str | None:
    """Return the program on the port if it is one that forwards requests."""
    with suppress(psutil.Error):
        process = find_listener(port)
        name = process.name().lower().removesuffix(".exe") if process else ""
        return name if name in _FORWARDERS else None
    return None
