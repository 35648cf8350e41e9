"""A scripted server on loopback that logs when it really sent each token.

One thread, a select loop and absolute deadlines: epoll would round time-outs up to milliseconds.
"""

import heapq
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any

MAX_WRITES = 16
"""Of one peer before the next one's turn."""


class Then(Enum):
    """What the server does after a script's last step."""

    KEEP = auto()
    CLOSE = auto()
    RESET = auto()
    HANG = auto()


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes that go out `at_s` after the whole request had come."""

    at_s: float
    data: bytes
    tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Script:
    """How a request is answered."""

    steps: Iterable[Send]
    then: Then = Then.KEEP


@dataclass(kw_only=True)
class Answered:
    """One request and what was sent for it, by `time.perf_counter_ns`."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    received_ns: int
    token_ns: list[int] = field(default_factory=list)
    """One per step that carried tokens."""

    @property
    def values(self) -> Any:
        """Return the JSON body."""
        return json.loads(self.body)


type Choose = Callable[[Answered], Script]


class _Peer:
    """One accepted connection."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number
        self.received = b""
        self.unsent = b""
        self.steps: Iterator[Send] | None = None
        self.next: Send | None = None
        self.then = Then.KEEP
        self.answered: Answered | None = None

    def take_request(self, now_ns: int) -> Answered | None:
        """Return the request once it is whole."""
        head, blank, rest = self.received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        if not blank or len(rest) < length:
            return None
        self.received = rest[length:]
        return Answered(
            path=first.split(" ")[1],
            headers=headers,
            body=rest[:length],
            connection=self.number,
            received_ns=now_ns,
        )


def _listener_at(unix_socket: Path | None) -> socket.socket:
    if unix_socket is None:
        return socket.create_server(("127.0.0.1", 0), backlog=256)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(unix_socket))
    listener.listen(256)
    return listener


class ScriptedServer:
    """Answers each request with the script that `choose` returns for it."""

    def __init__(
        self, choose: Choose, tls: ssl.SSLContext | None = None, unix_socket: Path | None = None
    ) -> None:
        self._choose = choose
        self._tls = tls
        self._listener = _listener_at(unix_socket)
        self._wake, self._waker = socket.socketpair()
        self._peers: dict[int, _Peer] = {}
        self._due: list[tuple[int, int, _Peer]] = []
        self._accepted = 0
        self._pushed = 0
        self.log: list[Answered] = []
        scheme = "https" if tls else "http"
        port = 1 if unix_socket else self._listener.getsockname()[1]
        self.url = f"{scheme}://127.0.0.1:{port}/v1"

    def stop(self) -> None:
        """Make `serve` return."""
        self._waker.send(b"x")

    def serve(self) -> None:
        """Serve until `stop`, then close everything."""
        try:
            while self._turn():
                pass
        finally:
            for peer in [*self._peers.values()]:
                self._drop(peer)
            for sock in (self._listener, self._wake, self._waker):
                sock.close()

    def _turn(self) -> bool:
        """Wait for a socket or the next deadline; return False when asked to stop."""
        unsent = [number for number, peer in self._peers.items() if peer.unsent]
        wake, listener = self._wake.fileno(), self._listener.fileno()
        readable = [wake, listener, *self._peers]
        ready, writable, _ = select.select(readable, unsent, [], self._wait_s())
        now_ns = time.perf_counter_ns()
        if wake in ready:
            return False
        if listener in ready:
            self._accept()
        for number in ready:
            if number in self._peers:
                self._read(self._peers[number], now_ns)
        for number in writable:
            if number in self._peers and self._flush(self._peers[number]):
                self._advance(self._peers[number])
        self._run_due()
        return True

    def _wait_s(self) -> float | None:
        if not self._due:
            return None
        return max(0.0, (self._due[0][0] - time.perf_counter_ns()) / 1e9)

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.settimeout(10)
        try:
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
            if sock.family == socket.AF_INET:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            sock.close()
            return
        sock.setblocking(False)
        self._accepted += 1
        self._peers[sock.fileno()] = _Peer(sock, self._accepted)

    def _read(self, peer: _Peer, now_ns: int) -> None:
        try:
            data = peer.sock.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:
            data = b""
        if not data:
            self._drop(peer)
            return
        peer.received += data
        if peer.steps is None and (answered := peer.take_request(now_ns)) is not None:
            script = self._choose(answered)
            self.log.append(answered)
            peer.answered, peer.steps, peer.then = answered, iter(script.steps), script.then
            self._advance(peer)

    def _due_ns(self, peer: _Peer) -> int:
        assert peer.answered is not None
        assert peer.next is not None
        return peer.answered.received_ns + int(peer.next.at_s * 1e9)

    def _advance(self, peer: _Peer) -> None:
        """Go on to the next step of a peer whose last one is wholly sent."""
        peer.next = next(peer.steps or iter(()), None)
        self._schedule(peer)

    def _schedule(self, peer: _Peer) -> None:
        """Put the next step at its absolute time, or end the answer."""
        if peer.next is None:
            self._end(peer)
            return
        self._pushed += 1
        heapq.heappush(self._due, (self._due_ns(peer), self._pushed, peer))

    def _run_due(self) -> None:
        for _ in range(len(self._due)):
            if self._due[0][0] > time.perf_counter_ns():
                return
            _, _, peer = heapq.heappop(self._due)
            if self._peers.get(peer.sock.fileno()) is peer:
                self._send_step(peer)

    def _send_step(self, peer: _Peer) -> None:
        """Send the step that is due, and with it those that are due by now, a write each."""
        assert peer.answered is not None
        for _ in range(MAX_WRITES):
            assert peer.next is not None
            if peer.next.tokens:
                peer.answered.token_ns.append(time.perf_counter_ns())
            peer.unsent = peer.next.data
            if not self._flush(peer):
                return
            peer.next = next(peer.steps or iter(()), None)
            if peer.next is None or self._due_ns(peer) > time.perf_counter_ns():
                break
        self._schedule(peer)

    def _flush(self, peer: _Peer) -> bool:
        """Send what the socket takes; return whether that was all."""
        try:
            sent = peer.sock.send(peer.unsent)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return False
        except OSError:
            self._drop(peer)
            return False
        peer.unsent = peer.unsent[sent:]
        return not peer.unsent

    def _end(self, peer: _Peer) -> None:
        if peer.then is Then.HANG:
            return
        peer.steps = None
        if peer.then is Then.RESET:
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        if peer.then is not Then.KEEP:
            self._drop(peer)

    def _drop(self, peer: _Peer) -> None:
        self._peers.pop(peer.sock.fileno(), None)
        peer.sock.close()


@contextmanager
def serving(
    script: Script | Choose, tls: ssl.SSLContext | None = None, unix_socket: Path | None = None
) -> Iterator[ScriptedServer]:
    """Serve `script` in a thread of its own."""
    choose = (lambda _: script) if isinstance(script, Script) else script
    server = ScriptedServer(choose, tls, unix_socket)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(timeout=30)
