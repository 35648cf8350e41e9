"""One HTTP/1.1 connection, opened before the clock starts and kept for the next request."""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path

from nobs.errors import HostApiError
from nobs.tasks.llms.client.arrival import connected
from nobs.tasks.llms.client.exchange import End, Exchange, Limits
from nobs.tasks.llms.client.protocol import Wire

__all__ = ["Address", "ConnectFailed", "Connection", "End", "Exchange", "Limits"]


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where to connect to."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    unix_socket: Path | None = None
    """Leads to the server in place of host and port, which still name it."""

    def __str__(self) -> str:
        return str(self.unix_socket or f"{self.host}:{self.port}")


class ConnectFailed(HostApiError):
    """No connection could be opened."""

    def __init__(self, address: Address, reason: str, *, timed_out: bool) -> None:
        super().__init__(
            f"can't connect to {address}: {reason}.", "Start the server, or correct its URL."
        )
        self.timed_out = timed_out


class Connection:
    """A connection that is opened before the clock starts and kept for the next request."""

    def __init__(self, address: Address, limits: Limits | None = None) -> None:
        self._address = address
        self._limits = limits or Limits()
        self._wire: Wire | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether the next request needs no connecting."""
        return self._wire is not None and self._wire.is_reusable

    async def open(self) -> None:
        """Connect unless a usable connection is there; raise ConnectFailed."""
        # A close that has already arrived is seen now, not in the timed region: one turn of the
        # loop polls the socket, the next one comes after its callback.
        for _ in range(2):
            await asyncio.sleep(0)
        if self.is_open:
            return
        self.close()
        self._wire = await self._connect()

    async def _connect(self) -> Wire:
        address = self._address
        try:
            async with asyncio.timeout(self._limits.connect_s):
                return await _wire_to(address, self._limits)
        except TimeoutError as error:
            reason = f"no answer in {self._limits.connect_s:g} s"
            raise ConnectFailed(address, reason, timed_out=True) from error
        except OSError as error:
            raise ConnectFailed(address, str(error), timed_out=False) from error

    async def exchange(self, request: bytes) -> Exchange:
        """Send `request` once and return its response; the clock runs only in here."""
        await self.open()
        wire = self._wire
        assert wire is not None  # noqa: S101 -- just opened
        try:
            return await wire.exchange(request)
        finally:
            if not wire.is_reusable:
                self.close()

    def close(self) -> None:
        """Drop the connection."""
        if self._wire is not None:
            self._wire.abort()
            self._wire = None


async def _wire_to(address: Address, limits: Limits) -> Wire:
    loop = asyncio.get_running_loop()
    name = address.host if address.tls else None
    if address.unix_socket is not None:
        _, wire = await loop.create_unix_connection(
            lambda: Wire(limits, loop),
            str(address.unix_socket),
            ssl=address.tls,
            server_hostname=name,
        )
        return wire
    sock = await connected(address.host, address.port)
    try:
        _, wire = await loop.create_connection(
            lambda: Wire(limits, loop, sock), sock=sock, ssl=address.tls, server_hostname=name
        )
    except BaseException:
        sock.close()
        raise
    return wire
