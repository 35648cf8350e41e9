"""Which hosts are this machine: the one place that decides it."""

import re
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface
from urllib.parse import SplitResult, urlsplit

import psutil

from nobs.errors import UsageError
from nobs.schema.server import SERVER_PORTS

type Address = IPv4Address | IPv6Address

HOST_NAME = "host.docker.internal"
"""The host's name inside a container."""
_HOST_NAMES = frozenset(
    {HOST_NAME, "gateway.docker.internal", "host.containers.internal", "host.lima.internal",
     "host.orb.internal"}
)  # fmt: skip
_LOCAL_NAMES = frozenset(
    {"localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost",
     "ip6-loopback"}
)  # fmt: skip
_BRIDGE = re.compile(r"docker\d|br-[0-9a-f]{12}$|podman\d|cni-podman\d")
"""Networks of this machine's containers."""


def is_loopback(host: str) -> bool:
    """Return, without a lookup, whether `host` means the machine that asks.

    Unspecified addresses do: servers print `http://0.0.0.0:8000`, and users paste it.
    """
    name = _plain(host)
    if name in _LOCAL_NAMES or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and (address.is_loopback or address.is_unspecified)


def is_own_name(host: str) -> bool:
    """Return whether `host` is this machine's own name."""
    name, own = _plain(host), socket.gethostname().lower()
    return bool(own) and name in {own, f"{own.partition('.')[0]}.local"}


def is_this_machine(host: str) -> bool | None:
    """Return whether `host` is a name or an address of this machine; None if unresolved."""
    if is_loopback(host) or is_own_name(host) or _plain(host) in _HOST_NAMES:
        return True
    if _address(_plain(host)) is not None:
        return _is_own(_plain(host))
    try:
        found = socket.getaddrinfo(_plain(host), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return None
    return any(map(_is_own, {str(info[4][0]) for info in found}))


def own_addresses() -> Iterator[Address]:
    """Yield the addresses of this machine's interfaces."""
    for addresses in psutil.net_if_addrs().values():
        for each in addresses:
            if (address := _address(each.address)) is not None:
                yield address


def parse_server_url(url: str) -> SplitResult:
    """Return the parts of a server's URL, without user and password; UsageError for any other text.

    The loopback address replaces an unspecified one such as `0.0.0.0`: a server on `[::]` may
    accept IPv6 only, and `localhost` may be an IPv4 address only.
    """
    is_plain = url.isascii() and not any(character <= " " for character in url)
    try:
        parts = urlsplit(url)
        is_url = is_plain and parts.scheme in SERVER_PORTS and parts.hostname and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise UsageError(
            f"{url!r} isn't a server's URL.", "Give one such as http://127.0.0.1:1234/v1."
        )
    if parts.query:
        raise UsageError(
            f"{url!r} has a query, which no request would have.",
            "Give the URL up to /v1; a key goes into LLM_API_KEY.",
        )
    parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    address = _address(_plain(parts.hostname or ""))
    if address is None or not address.is_unspecified:
        return parts
    return with_host(parts, "127.0.0.1" if isinstance(address, IPv4Address) else "[::1]")


def with_host(parts: SplitResult, host: str) -> SplitResult:
    """Return a URL with another host; port, user and path stay."""
    user, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{user}{at}{host}{port}")


def _plain(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


def _address(text: str) -> Address | None:
    """Return the address in `text`, without a scope; an IPv4 address that IPv6 wraps is itself."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return _short_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _short_address(text: str) -> Address | None:
    """Read short forms that the system's resolver accepts: `127.1`, `0`, `0x7f000001`."""
    if not re.fullmatch(r"(0x)?[0-9a-f]+(\.(0x)?[0-9a-f]+){0,3}", text) or not text[0].isdigit():
        return None
    try:
        return IPv4Address(socket.inet_aton(text))
    except OSError:
        return None


def _is_own(text: str) -> bool:
    address = _address(text)
    if address is None:
        return False
    return is_loopback(text) or address in own_addresses() or _is_on_bridge(address)


def _is_on_bridge(address: Address) -> bool:
    """Return whether a container of this machine has that address."""
    bridges = (each for name, each in psutil.net_if_addrs().items() if _BRIDGE.match(name))
    return any(
        address in ip_interface(f"{each.address}/{each.netmask}").network
        for addresses in bridges
        for each in addresses
        if each.family == socket.AF_INET and each.netmask
    )
