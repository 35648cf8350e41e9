"""Sockets that record when bytes arrived, independent of when the reader was woken."""

import asyncio
import socket
from collections.abc import Buffer

from nobs.tasks.chat.client.loopback import ANCILLARY_BYTES, arrived_ns, stamp_arrivals


class ArrivalSocket(socket.socket):
    """Keeps the kernel's time stamp of its last read; asyncio's transports use `recv_into`."""

    arrived_ns: int | None = None
    """Arrival of the last bytes of the last read, by `perf_counter_ns`; None if unknown."""

    def recv_into(self, buffer: Buffer, nbytes: int = 0, flags: int = 0) -> int:
        """Read as a socket does."""
        size, ancillary, _, _ = self.recvmsg_into([buffer], ANCILLARY_BYTES, flags)
        self.arrived_ns = arrived_ns(ancillary)
        return size


async def connected(host: str, port: int) -> ArrivalSocket:
    """Return a socket connected to the first address of `host` that answers; raise OSError."""
    loop = asyncio.get_running_loop()
    error = OSError(f"{host} has no address")
    for family, kind, protocol, _, where in await loop.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        sock = ArrivalSocket(family, kind, protocol)
        try:
            sock.setblocking(False)  # noqa: FBT003 -- its only argument
            stamp_arrivals(sock)
            await loop.sock_connect(sock, where)
        except OSError as failed:
            sock.close()
            error = failed
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise error
