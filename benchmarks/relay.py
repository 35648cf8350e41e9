"""What the relay adds to a message's way: the same messages with and without it, in turn.

A server in a process of its own says when each message came in and when its answer went out; all
read the same monotonic clock. Requests are 1 KB, answers are 200 B, as an LLM's tokens are.
`--other FILE` measures another version of nobs/launch/server/relay.py in the same rounds.
"""

import argparse
import multiprocessing
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median

from nobs.launch.server import relay

REQUEST_BYTES, ANSWER_BYTES = 1024, 200
TIMES = struct.Struct("qq")
PAUSE_S = 0.0005
"""Between messages: a relay that has nothing to do sleeps, as it does between tokens."""

type Delays = tuple[list[int], list[int]]
"""Nanoseconds to the server and back, message by message."""


def read_exactly(peer: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = peer.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def answer_all(listener: socket.socket) -> None:
    """Answer every message of one connection."""
    peer, _ = listener.accept()
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    filling = bytes(ANSWER_BYTES - TIMES.size)
    with peer, suppress(EOFError):
        while True:
            read_exactly(peer, REQUEST_BYTES)
            came_ns = time.monotonic_ns()
            peer.sendall(TIMES.pack(came_ns, time.monotonic_ns()) + filling)


@contextmanager
def relay_of(file: Path, port: int) -> Iterator[socket.socket]:
    """Start a version of the relay and connect through it."""
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as caller:
        path = str(Path(directory) / "r" / "socket")
        Path(path).parent.mkdir()
        command = [sys.executable, str(file), path, "127.0.0.1", str(port)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == relay.READY
            caller.connect(path)
            yield caller
            process.kill()


def exchange(peer: socket.socket, messages: int) -> Delays:
    there, back = [], []
    request = bytes(REQUEST_BYTES)
    for _ in range(messages):
        time.sleep(PAUSE_S)
        sent_ns = time.monotonic_ns()
        peer.sendall(request)
        answer = read_exactly(peer, ANSWER_BYTES)
        got_ns = time.monotonic_ns()
        came_ns, went_ns = TIMES.unpack(answer[: TIMES.size])
        there.append(came_ns - sent_ns)
        back.append(got_ns - went_ns)
    return there, back


@contextmanager
def server() -> Iterator[int]:
    """Serve from a process of its own; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = multiprocessing.Process(target=answer_all, args=(listener,), daemon=True)
        process.start()
        yield int(listener.getsockname()[1])
        process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--messages", type=int, default=60)
    parser.add_argument("--other", type=Path)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        port = stack.enter_context(server())
        direct = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        direct.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ways = {"direct": direct}
        for name, file in (("relay", Path(relay.__file__)), ("other relay", arguments.other)):
            if file is not None:
                port = stack.enter_context(server())
                ways[name] = stack.enter_context(relay_of(file, port))
        delays: dict[str, Delays] = {way: ([], []) for way in ways}
        for number in range(arguments.rounds):
            for way in list(ways) if number % 2 else list(ways)[::-1]:
                there, back = exchange(ways[way], arguments.messages)
                delays[way][0].extend(there)
                delays[way][1].extend(back)
    report(delays)


def report(delays: dict[str, Delays]) -> None:
    """Print the median delay of each direction and what it is above the direct way's, in us."""
    print(f"{'':12}{'to server':>12}{'added':>8}{'from server':>14}{'added':>8}   us, medians")
    direct = [median(direction) / 1e3 for direction in delays["direct"]]
    for way, directions in delays.items():
        there, back = (median(direction) / 1e3 for direction in directions)
        print(f"{way:12}{there:12.1f}{there - direct[0]:8.1f}{back:14.1f}{back - direct[1]:8.1f}")


if __name__ == "__main__":
    main()
