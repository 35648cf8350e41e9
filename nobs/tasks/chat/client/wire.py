"""One HTTP/1.1 connection, opened before the clock starts and kept for the next request."""

import asyncio
import ssl
from functools import cache

from nobs.errors import HostApiError
from nobs.schema.server import Connection
from nobs.tasks.chat.client.arrival import connected
from nobs.tasks.chat.client.exchange import Exchange, Limits
from nobs.tasks.chat.client.protocol import Wire


class ConnectFailed(HostApiError):
    """No connection could be opened."""

    def __init__(self, connection: Connection, reason: str, *, timed_out: bool) -> None:
        address = connection.socket or f"{connection.host}:{connection.port}"
        super().__init__(
            f"can't connect to {address}: {reason}.", "Start the server, or correct its URL."
        )
        self.timed_out = timed_out


class KeepAlive:
    """A connection that is opened before the clock starts and kept for the next request.

    `limits` and `tls` are those of the connection's timeout and of the system by default.
    """

    def __init__(
        self,
        connection: Connection,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._connection = connection
        self._limits = limits or Limits.within(connection.request_timeout_s)
        is_encrypted = connection.base_url.startswith("https:")
        self._tls = (tls or _system_tls()) if is_encrypted else None
        self._wire: Wire | None = None

    @property
    def is_open(self) -> bool:
        """Return whether the next request needs no connecting."""
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
        try:
            async with asyncio.timeout(self._limits.connect_s):
                return await _wire_to(self._connection, self._limits, self._tls)
        except TimeoutError as error:
            reason = f"no answer in {self._limits.connect_s:g} s"
            raise ConnectFailed(self._connection, reason, timed_out=True) from error
        except OSError as error:
            raise ConnectFailed(self._connection, str(error), timed_out=False) from error

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


@cache
def _system_tls() -> ssl.SSLContext:
    """Return the system's certificates, cached: loading takes 0.1 s."""
    return ssl.create_default_context()


async def _wire_to(connection: Connection, limits: Limits, tls: ssl.SSLContext | None) -> Wire:
    loop = asyncio.get_running_loop()
    name = connection.host if tls else None
    if connection.socket is not None:
        _, wire = await loop.create_unix_connection(
            lambda: Wire(limits, loop), connection.socket, ssl=tls, server_hostname=name
        )
        return wire
    sock = await connected(connection.host, connection.port)
    try:
        _, wire = await loop.create_connection(
            lambda: Wire(limits, loop, sock), sock=sock, ssl=tls, server_hostname=name
        )
    except BaseException:
        sock.close()
        raise
    return wire
