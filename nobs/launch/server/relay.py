"""A unix socket in front of a server of the host, for containers without a network.

`python -m nobs.launch.server.relay SOCKET HOST PORT` passes bytes on until its standard input ends.
It is a process of its own: in the launcher's, drawing progress would delay what it passes on.
"""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from nobs.errors import HostApiError, StorageError
from nobs.launch.engine.endpoint import SOCKET_NAME
from nobs.system.child import child

READY = "ready"
_STOP_S = 5.0
_CONNECT_S = 10.0
_LINGER_S = 1.0
_SHORTER = (
    "Set TMPDIR to a directory of your own with a short name; with Docker's snap, which has a /tmp "
    "of its own, shorten --results."
)


@contextlib.contextmanager
def relaying(directory: Path, host: str, port: int, owner: tuple[int, int]) -> Iterator[Path]:
    """Keep a socket in `directory`, made for it and owned by `owner`, that leads to `host:port`."""
    _clear(directory / SOCKET_NAME)
    try:
        directory.mkdir(mode=0o700)
    except OSError as error:
        raise StorageError(
            f"Can't make the directory {directory}: {error.strerror or error}.",
            _SHORTER,
        ) from error
    try:
        path = directory / SOCKET_NAME
        with _process(path, host, port):
            _give(directory, owner)
            _give(path, owner)
            yield path
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _clear(path: Path) -> None:
    """Remove what a launcher that was killed left: a socket that nobody listens on, alone."""
    with socket.socket(socket.AF_UNIX) as caller, contextlib.suppress(FileNotFoundError):
        try:
            caller.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            path.parent.rmdir()


def _give(path: Path, owner: tuple[int, int]) -> None:
    """Give `path` to the user inside; only root runs containers as somebody else."""
    if os.geteuid() == 0:
        os.chown(path, *owner)


@contextlib.contextmanager
def _process(path: Path, host: str, port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "nobs.launch.server.relay", str(path), host, str(port)]
    with child(command, stdin=subprocess.PIPE, finish_s=_STOP_S) as process:
        if process.stdout is None or process.stdout.readline().strip() != READY:
            raise HostApiError(
                f"The relay to {host}:{port} can't listen at {path}.",
                _SHORTER,
            )
        yield


class _Side(asyncio.Protocol):
    """One of two connected ends: what comes in goes out at the other."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        if isinstance(transport, asyncio.Transport):
            self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        if self.other is not None:
            self.other.write(data)

    def eof_received(self) -> bool:
        """Pass the end of one direction on; the other stays open."""
        if self.other is not None and self.other.can_write_eof():
            self.other.write_eof()
        return self.other is not None

    def pause_writing(self) -> None:
        """Read no more from the other end than this one takes."""
        if self.other is not None:
            self.other.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        if self.other is not None:
            self.other.resume_reading()

    def connection_lost(self, _error: Exception | None) -> None:
        """Close the other end once it has sent what it holds."""
        if self.other is not None:
            self.other.close()


class _Caller(_Side):
    """The container's end; nothing is read from it before the server is connected."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._address = host, port
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect to the server."""
        super().connection_made(transport)
        if self.transport is not None:
            self.transport.pause_reading()
            self._connecting = asyncio.ensure_future(self._connect(self.transport))

    async def _connect(self, caller: asyncio.Transport) -> None:
        try:
            async with asyncio.timeout(_CONNECT_S):
                server, side = await asyncio.get_running_loop().create_connection(
                    _Side, *self._address
                )
        except OSError as error:
            caller.write(_refusal(*self._address, error))
            _close_read(caller)
            return
        side.other, self.other = caller, server
        if caller.is_closing():
            server.close()
        else:
            caller.resume_reading()


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError) and not error.errno:
        return f"no answer in {_CONNECT_S:g} s"
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)


def _close_read(caller: asyncio.Transport) -> None:
    """End the answer; closing at once, with the request unread, could take it from the caller."""
    caller.write_eof()
    caller.resume_reading()
    asyncio.get_running_loop().call_later(_LINGER_S, caller.close)


def _refusal(host: str, port: int, error: OSError) -> bytes:
    """Return a gateway's answer, so that the caller hears why there is no server."""
    message = f"can't connect to {host}:{port}: {_reason(error)}"
    body = json.dumps({"error": {"type": "bad_gateway", "message": message}}).encode()
    head = (
        f"HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    return f"{head}\r\nContent-Type: application/json\r\n\r\n".encode() + body


async def _serve(path: str, host: str, port: int) -> None:
    """Listen until standard input ends: the launcher closes it, or is gone."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    server = await loop.create_unix_server(lambda: _Caller(host, port), path)
    Path(path).chmod(0o600)
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    await ended.wait()
    server.close()
    # A launcher that was killed can't.
    shutil.rmtree(Path(path).parent, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
