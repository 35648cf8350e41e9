"""A server that answers by script and logs when it sent each token.

Its deadlines are absolute. epoll rounds timeouts up to milliseconds, so that the server waits with
`select` for epoll's own descriptor: exact, and for any number of connections.
"""

import heapq
import json
import re
import select
import selectors
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

MAX_WRITES = 16  # of one peer before the next one's turn
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
SO_TIMESTAMPNS = 35
ANCILLARY_BYTES = 64
MAX_TRIES, AT_ONCE_NS = 5, 5_000
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
now_ns = time.perf_counter_ns


@dataclass(frozen=True, slots=True)
class Send:
    """One write, `at_s` after the complete request was received."""

    at_s: float
    data: bytes
    tokens: int = 0
    """Chunks in `data` that carry a token."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """How a request is answered; the connection is kept."""

    steps: Iterable[Send]


@dataclass(kw_only=True)
class Answered:
    """One request and what was sent for it, by `time.perf_counter_ns`."""

    head: bytes
    body: bytes
    connection: int
    received_ns: int
    token_ns: list[int] = field(default_factory=list)
    """One per chunk that carried a token, taken before the write."""

    @property
    def path(self) -> str:
        """Return the request's target."""
        return self.head.split(b" ", 2)[1].decode("latin-1")

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers by their names in lower case."""
        lines = self.head.decode("latin-1").strip().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def values(self) -> Any:  # noqa: ANN401 -- whatever JSON there is
        """Return the JSON body."""
        return json.loads(self.body)


type Choose = Callable[[Answered], Script]


def stamp_arrivals(sock: socket.socket) -> None:
    """Enable kernel time stamps of received data, if supported."""
    if sys.platform == "linux":
        with suppress(OSError):  # emulated Linux kernels may not support it
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def arrived_ns(ancillary: Iterable[tuple[int, int, bytes]]) -> int | None:
    """Return the kernel's time stamp converted to this module's clock."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, rest_ns = struct.unpack("qq", data)
            return int(seconds * 1_000_000_000 + rest_ns - _wall_clock_lead_ns())
    return None


def _wall_clock_lead_ns() -> int:
    """Return how far the wall clock is ahead of this module's clock.

    A process that is preempted between two readings would shift a stamp: the tightest try counts.
    """
    tries = []
    for _ in range(MAX_TRIES):
        before_ns, wall_ns, after_ns = now_ns(), time.time_ns(), now_ns()
        tries.append((after_ns - before_ns, wall_ns - (before_ns + after_ns) // 2))
        if after_ns - before_ns < AT_ONCE_NS:
            break
    return min(tries)[1]


class Peer:
    """One accepted connection."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number
        # Not bytes: each piece of a request of 20 MB would copy all before it.
        self.received = bytearray()
        self.unsent = b""
        self.is_blocked = False
        """Whether the socket accepts nothing more at present."""
        self.answered = Answered(head=b"", body=b"", connection=number, received_ns=0)
        self.script = Script(steps=())
        self.steps: Iterator[Send] = iter(())
        self.is_answered = True

    def due_ns(self, step: Send) -> int:
        """Return when `step` is to be sent."""
        return self.answered.received_ns + int(step.at_s * 1e9)

    def take_request(self, received_ns: int) -> Answered | None:
        """Return the request once it is whole."""
        start = self.received.find(b"\r\n\r\n") + 4
        if start < 4:
            return None
        head = bytes(self.received[:start])
        length = _LENGTH.search(head)
        end = start + (int(length[1]) if length else 0)
        if len(self.received) < end:
            return None
        body = bytes(self.received[start:end])
        del self.received[:end]
        return Answered(head=head, body=body, connection=self.number, received_ns=received_ns)


class ScriptedServer:
    """Answers each request with the script that `choose` returns for it."""

    def __init__(self, choose: Choose, listener: socket.socket, stop_fd: int) -> None:
        self._choose = choose
        self._listener = listener
        self._stop_fd = stop_fd
        self._selector = selectors.DefaultSelector()
        self._selector.register(stop_fd, _READ)
        self._selector.register(listener, _READ)
        self._peers: dict[int, Peer] = {}
        self._due: list[tuple[int, int, Peer, Send]] = []
        self._accepted = 0
        self._pushed = 0
        self.log: list[Answered] = []

    def serve(self) -> None:
        """Serve until the stopping descriptor is readable, then close every connection."""
        try:
            while self._turn():
                pass
        finally:
            for peer in [*self._peers.values()]:
                self.drop(peer)
            self._selector.close()
            self._listener.close()

    def opened(self, sock: socket.socket) -> socket.socket:
        """Return an accepted socket as it is to be used."""
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stamp_arrivals(sock)
        return sock

    def receive(self, sock: socket.socket) -> tuple[bytes, int]:
        """Return received data and its arrival time."""
        data, ancillary, _, _ = sock.recvmsg(65536, ANCILLARY_BYTES)
        return data, arrived_ns(ancillary) or now_ns()

    def finish(self, peer: Peer) -> None:
        """Await the next request of a peer whose answer is sent."""
        peer.is_answered = True

    def drop(self, peer: Peer) -> None:
        """Close the connection of `peer`."""
        if self._peers.pop(peer.sock.fileno(), None) is not None:
            self._selector.unregister(peer.sock)
        peer.sock.close()

    def _turn(self) -> bool:
        """Wait for a socket or the next deadline; return False when asked to stop."""
        wait_s = max(0.0, (self._due[0][0] - now_ns()) / 1e9) if self._due else None
        if wait_s != 0:
            select.select([self._selector.fileno()], [], [], wait_s)
        for key, events in self._selector.select(0):
            if key.fd == self._stop_fd:
                return False
            if key.data is None:
                self._accept()
                continue
            peer: Peer = key.data
            if events & _READ and self._peers.get(key.fd) is peer:
                self._read(peer)
            if events & _WRITE and self._peers.get(key.fd) is peer and self._flush(peer):
                self._advance(peer)
        self._run_due()
        return True

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.settimeout(10)
        try:
            sock = self.opened(sock)
        except OSError:
            sock.close()
            return
        sock.settimeout(0)
        self._accepted += 1
        peer = self._peers[sock.fileno()] = Peer(sock, self._accepted)
        self._selector.register(sock, _READ, peer)

    def _read(self, peer: Peer) -> None:
        try:
            data, came_ns = self.receive(peer.sock)
        except _NOT_NOW:
            return
        except OSError:
            data, came_ns = b"", 0
        if not data:
            self.drop(peer)
            return
        peer.received += data
        if peer.is_answered and (answered := peer.take_request(came_ns)) is not None:
            self.log.append(answered)
            peer.answered, peer.script = answered, self._choose(answered)
            peer.steps, peer.is_answered = iter(peer.script.steps), False
            self._advance(peer)

    def _advance(self, peer: Peer) -> None:
        """Continue with the next step of a peer whose last one is completely sent."""
        self._schedule(peer, next(peer.steps, None))

    def _schedule(self, peer: Peer, step: Send | None) -> None:
        if step is None:
            self.finish(peer)
            return
        self._pushed += 1
        heapq.heappush(self._due, (peer.due_ns(step), self._pushed, peer, step))

    def _run_due(self) -> None:
        for _ in range(len(self._due)):
            if self._due[0][0] > now_ns():
                return
            _, _, peer, step = heapq.heappop(self._due)
            if self._peers.get(peer.sock.fileno()) is peer:
                self._send(peer, step)

    def _send(self, peer: Peer, step: Send) -> None:
        """Send all steps that are due, one write each."""
        for _ in range(MAX_WRITES):
            if step.tokens:
                peer.answered.token_ns += [now_ns()] * step.tokens
            peer.unsent = step.data
            if not self._flush(peer):
                return
            following = next(peer.steps, None)
            if following is None or peer.due_ns(following) > now_ns():
                break
            step = following
        self._schedule(peer, following)

    def _flush(self, peer: Peer) -> bool:
        """Send what the socket accepts; return whether that was all."""
        try:
            sent = peer.sock.send(peer.unsent)
        except _NOT_NOW:
            sent = 0
        except OSError:
            self.drop(peer)
            return False
        peer.unsent = peer.unsent[sent:]
        if peer.is_blocked != bool(peer.unsent):
            peer.is_blocked = bool(peer.unsent)
            events = _READ | _WRITE if peer.is_blocked else _READ
            self._selector.modify(peer.sock, events, peer)
        return not peer.unsent
