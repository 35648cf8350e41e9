"""A server on loopback that knows the truth: it logs when it really sent each token.

One thread, a select loop and absolute deadlines, because epoll would round time-outs up to whole
milliseconds. Standard library alone and no import of `nobs`, so that it starts at once as a process
of its own: `python loopback.py SOCKET` serves the schedules in its paths until stdin ends, then
prints its log.
"""

import heapq
import json
import re
import select
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

MAX_WRITES = 16
"""Of one peer before the next one's turn."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

now_ns = time.perf_counter_ns


@dataclass(frozen=True, slots=True)
class Send:
    """One write, `at_s` after the whole request had come."""

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


class Peer:
    """One accepted connection."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number
        self.received = b""
        self.unsent = b""
        self.answered: Answered | None = None
        self.script = Script(steps=())
        self.steps: Iterator[Send] | None = None
        self.next: Send | None = None

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
        self._due: list[tuple[int, int, Peer]] = []
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
        return sock

    def finish(self, peer: Peer) -> None:
        """Await the next request of a peer whose answer is sent."""
        peer.steps = None

    def drop(self, peer: Peer) -> None:
        """Close the connection of `peer`."""
        self._peers.pop(peer.sock.fileno(), None)
        peer.sock.close()

    def _turn(self) -> bool:
        """Wait for a socket or the next deadline; return False when asked to stop."""
        unsent = [number for number, peer in self._peers.items() if peer.unsent]
        listener = self._listener.fileno()
        readable = [self._stop_fd, listener, *self._peers]
        ready, writable, _ = select.select(readable, unsent, [], self._wait_s())
        received_ns = now_ns()
        if self._stop_fd in ready:
            return False
        for number in ready:
            if number == listener:
                self._accept()
            elif number in self._peers:
                self._read(self._peers[number], received_ns)
        for number in writable:
            if number in self._peers and self._flush(self._peers[number]):
                self._advance(self._peers[number])
        self._run_due()
        return True

    def _wait_s(self) -> float | None:
        return max(0.0, (self._due[0][0] - now_ns()) / 1e9) if self._due else None

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

    def _read(self, peer: Peer, received_ns: int) -> None:
        try:
            data = peer.sock.recv(65536)
        except _NOT_NOW:
            return
        except OSError:
            data = b""
        if not data:
            self.drop(peer)
            return
        peer.received += data
        if peer.steps is None and (answered := peer.take_request(received_ns)) is not None:
            self.log.append(answered)
            peer.answered, peer.script = answered, self._choose(answered)
            peer.steps = iter(peer.script.steps)
            self._advance(peer)

    def _due_ns(self, peer: Peer) -> int:
        assert peer.answered is not None  # noqa: S101 -- it has a step
        assert peer.next is not None  # noqa: S101 -- as its callers know
        return peer.answered.received_ns + int(peer.next.at_s * 1e9)

    def _advance(self, peer: Peer) -> None:
        """Go on to the next step of a peer whose last one is wholly sent."""
        peer.next = next(peer.steps or iter(()), None)
        self._schedule(peer)

    def _schedule(self, peer: Peer) -> None:
        """Put the next step at its absolute time, or end the answer."""
        if peer.next is None:
            self.finish(peer)
            return
        self._pushed += 1
        heapq.heappush(self._due, (self._due_ns(peer), self._pushed, peer))

    def _run_due(self) -> None:
        for _ in range(len(self._due)):
            if self._due[0][0] > now_ns():
                return
            _, _, peer = heapq.heappop(self._due)
            if self._peers.get(peer.sock.fileno()) is peer:
                self._send_step(peer)

    def _send_step(self, peer: Peer) -> None:
        """Send the step that is due, and with it those that are due by now, a write each."""
        assert peer.answered is not None  # noqa: S101 -- it has a step
        for _ in range(MAX_WRITES):
            assert peer.next is not None  # noqa: S101 -- the loop ends without one
            if peer.next.tokens:
                peer.answered.token_ns += [now_ns()] * peer.next.tokens
            peer.unsent = peer.next.data
            if not self._flush(peer):
                return
            peer.next = next(peer.steps or iter(()), None)
            if peer.next is None or self._due_ns(peer) > now_ns():
                break
        self._schedule(peer)

    def _flush(self, peer: Peer) -> bool:
        """Send what the socket takes; return whether that was all."""
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
    """Return a role at once, then the tokens, each in a chunk of its own, then the finish."""
    token = _chunk({"delta": {"content": " token"}, "finish_reason": None})
    role = _chunk({"delta": {"role": "assistant", "content": ""}, "finish_reason": None})
    usage = {"prompt_tokens": 7, "completion_tokens": tokens, "total_tokens": tokens + 7}
    ending = _chunk({"delta": {}, "finish_reason": "length"}, usage=usage)
    sizes = [min(tokens_per_write, tokens - sent) for sent in range(0, tokens, tokens_per_write)]
    times_s = [(ttft_ms + gap_ms * number) / 1e3 for number in range(len(sizes))]
    sends = [Send(at_s, token * size, size) for at_s, size in zip(times_s, sizes, strict=True)]
    last = Send(times_s[-1], ending + _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n")
    return Script(steps=(Send(0, _HEAD + role), *sends, last))


def _chunk(choice: dict[str, Any], **more: object) -> bytes:
    value = {"id": "chatcmpl-0123456789", "object": "chat.completion.chunk", "created": 1}
    choices = [{"index": 0, **choice}]
    return _framed(b"data: %s\n\n" % json.dumps({**value, "choices": choices, **more}).encode())


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def scheduled(answered: Answered) -> Script:
    """Return the script that the path names: `/TTFT_MS-GAP_MS-TOKENS[-TOKENS_PER_WRITE]/v1/...`."""
    return _script_at(answered.path)


@cache
def _script_at(path: str) -> Script:
    ttft_ms, gap_ms, *counts = path.split("/")[1].split("-")
    return steady(float(ttft_ms), float(gap_ms), *map(int, counts))


def truth_of(log: Iterable[Answered]) -> list[tuple[str, list[int]]]:
    """Return the asked model, when the request had come and when each token went out, in ns."""
    return [(entry.values["model"], [entry.received_ns, *entry.token_ns]) for entry in log]


def main() -> None:
    """Serve on an inherited socket until stdin ends, then print what was sent."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    server = ScriptedServer(scheduled, listener, sys.stdin.fileno())
    server.serve()
    json.dump(truth_of(server.log), sys.stdout)


if __name__ == "__main__":
    main()
