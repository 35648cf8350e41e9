"""A loopback server that logs when it sent each token.

Uses a select loop with absolute deadlines, because epoll rounds timeouts up to milliseconds.
Imports nothing of `nobs`, so that it starts quickly as a separate process.
"""

import heapq
import json
import re
import select
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

MAX_WRITES = 16  # of one peer before the next one's turn
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_SO_TIMESTAMPNS = 35
ANCILLARY_BYTES = 64
_LAST = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
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
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def arrived_ns(ancillary: Iterable[tuple[int, int, bytes]]) -> int | None:
    """Return the kernel's time stamp converted to this module's clock."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, rest_ns = struct.unpack("qq", data)
            return int(now_ns() - (time.time_ns() - seconds * 1_000_000_000 - rest_ns))
    return None


class Peer:
    """One accepted connection."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number
        self.received = b""
        self.unsent = b""
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
        head = self.received[:start]
        length = _LENGTH.search(head)
        end = start + (int(length[1]) if length else 0)
        if len(self.received) < end:
            return None
        body, self.received = self.received[start:end], self.received[end:]
        return Answered(head=head, body=body, connection=self.number, received_ns=received_ns)


class ScriptedServer:
    """Answers each request with the script that `choose` returns for it."""

    def __init__(self, choose: Choose, listener: socket.socket, stop_fd: int) -> None:
        self._choose = choose
        self._listener = listener
        self._stop_fd = stop_fd
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
        self._peers.pop(peer.sock.fileno(), None)
        peer.sock.close()

    def _turn(self) -> bool:
        """Wait for a socket or the next deadline; return False when asked to stop."""
        unsent = [number for number, peer in self._peers.items() if peer.unsent]
        readable = [self._stop_fd, self._listener.fileno(), *self._peers]
        wait_s = max(0.0, (self._due[0][0] - now_ns()) / 1e9) if self._due else None
        ready, writable, _ = select.select(readable, unsent, [], wait_s)
        if self._stop_fd in ready:
            return False
        for number in ready:
            if number == self._listener.fileno():
                self._accept()
            elif number in self._peers:
                self._read(self._peers[number])
        for number in writable:
            if number in self._peers and self._flush(self._peers[number]):
                self._advance(self._peers[number])
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
        self._peers[sock.fileno()] = Peer(sock, self._accepted)

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
            return False
        except OSError:
            self.drop(peer)
            return False
        peer.unsent = peer.unsent[sent:]
        return not peer.unsent


@cache
def steady(ttft_ms: float, gap_ms: float, tokens: int, tokens_per_write: int = 1) -> Script:
    """Return a script: a role immediately, then each token in its own chunk, then the finish."""
    token = _chunk({"delta": {"content": " token"}, "finish_reason": None})
    role = _chunk({"delta": {"role": "assistant", "content": ""}, "finish_reason": None})
    usage = {"prompt_tokens": 7, "completion_tokens": tokens}
    ending = _chunk({"delta": {}, "finish_reason": "length"}, usage=usage)
    sizes = [min(tokens_per_write, tokens - sent) for sent in range(0, tokens, tokens_per_write)]
    sends = [Send((ttft_ms + gap_ms * n) / 1e3, token * k, k) for n, k in enumerate(sizes)]
    last = Send(sends[-1].at_s, ending + _LAST)
    return Script(steps=(Send(0, _HEAD + role), *sends, last))


def _chunk(choice: dict[str, Any], **more: object) -> bytes:
    value = {"id": "chatcmpl-0123456789", "object": "chat.completion.chunk", "created": 1}
    choices = [{"index": 0, **choice}]
    event = b"data: %s\n\n" % json.dumps({**value, "choices": choices, **more}).encode()
    return b"%x\r\n%s\r\n" % (len(event), event)


def scheduled(answered: Answered) -> Script:
    """Return the script in the path: `/TTFT_MS-GAP_MS-TOKENS[-TOKENS_PER_WRITE]/v1/...`."""
    ttft_ms, gap_ms, *counts = answered.path.split("/")[1].split("-")
    return steady(float(ttft_ms), float(gap_ms), *map(int, counts))


def main() -> None:
    """Serve on an inherited socket until stdin ends, then print what was sent when, in ns."""
    server = ScriptedServer(scheduled, socket.socket(fileno=int(sys.argv[1])), sys.stdin.fileno())
    server.serve()
    log = [(entry.values["model"], [entry.received_ns, *entry.token_ns]) for entry in server.log]
    json.dump(log, sys.stdout)


if __name__ == "__main__":
    main()
