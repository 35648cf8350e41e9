"""A unix socket in front of a server of the host, for containers without a network.

`python -m nobs.launch.server.relay SOCKET HOST PORT` forwards bytes until its standard input ends.
It is a separate process: in the launcher's, drawing progress would delay the bytes.
"""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

from nobs.errors import HostApiError
from nobs.launch.engine.route import SOCKET_NAME
from nobs.storage.files import make_directory
from nobs.system.child import child

READY = "ready"
_STOP_S = 5.0
_CONNECT_S = 10.0
_LINGER_S = 1.0
_PIECE = 1 << 16
_SHORTER = (
    "Set TMPDIR to a directory of your own with a short name; with Docker's snap, which has a /tmp "
    "of its own, shorten --results."
)


@contextmanager
def relaying(directory: Path, host: str, port: int, owner: tuple[int, int]) -> Iterator[Path]:
    """Forward a socket in the new `directory`, owned by `owner`, to `host:port`."""
    _clear(directory / SOCKET_NAME)
    make_directory(directory, _SHORTER, mode=0o700)
    try:
        path = directory / SOCKET_NAME
        with _process(path, host, port):
            _give(directory, owner)
            _give(path, owner)
            yield path
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _clear(path: Path) -> None:
    """Remove the directory of a killed launcher: a socket without a listener."""
    with socket.socket(socket.AF_UNIX) as caller, suppress(FileNotFoundError):
        try:
            caller.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            path.parent.rmdir()


def _give(path: Path, owner: tuple[int, int]) -> None:
    """Give `path` to the user inside; only root runs containers as somebody else."""
    if os.geteuid() == 0:
        os.chown(path, *owner)


@contextmanager
def _process(path: Path, host: str, port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "nobs.launch.server.relay", str(path), host, str(port)]
    with child(command, stdin=subprocess.PIPE, finish_s=_STOP_S) as process:
        if process.stdout is None or process.stdout.readline().strip() != READY:
            raise HostApiError(
                f"The relay to {host}:{port} can't listen at {path}.",
                _SHORTER,
            )
        yield


async def _pass_on(
    host: str, port: int, caller: asyncio.StreamReader, answer: asyncio.StreamWriter
) -> None:
    """Connect a caller to the server until both directions have ended, or one has broken."""
    with closing(answer), suppress(OSError):
        try:
            async with asyncio.timeout(_CONNECT_S):
                reader, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            answer.write(_refusal(host, port, error))
            answer.write_eof()
            # Closing at once, with the request unread, could take the answer from the caller.
            async with asyncio.timeout(_LINGER_S):
                while await caller.read(_PIECE):
                    pass
            return
        with closing(writer):
            async with asyncio.TaskGroup() as directions:
                directions.create_task(_pump(caller, writer))
                directions.create_task(_pump(reader, answer))


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass on one direction and its end; no more is read than the other side takes."""
    while data := await source.read(_PIECE):
        target.write(data)
        await target.drain()
    target.write_eof()


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError) and not error.errno:
        return f"no answer in {_CONNECT_S:g} s"
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)


def _refusal(host: str, port: int, error: OSError) -> bytes:
    """Return a gateway's error response with the reason."""
    message = f"can't connect to {host}:{port}: {_reason(error)}"
    body = json.dumps({"error": {"type": "bad_gateway", "message": message}}).encode()
    head = f"HTTP/1.1 502 Bad Gateway\r\nContent-Length: {len(body)}"
    return f"{head}\r\nContent-Type: application/json\r\n\r\n".encode() + body


async def _serve(path: str, host: str, port: int) -> None:
    """Listen until standard input ends: the launcher closes it, or is gone."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    server = await asyncio.start_unix_server(partial(_pass_on, host, port), path)
    Path(path).chmod(0o600)
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    await ended.wait()
    server.close()
    # A launcher that was killed can't.
    shutil.rmtree(Path(path).parent, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
