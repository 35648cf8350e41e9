"""The product's loopback server with the faults of real ones: it resets, hangs and speaks TLS."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from nobs.tasks.chat.client import loopback
from nobs.tasks.chat.client.loopback import Answered, Peer, Send

__all__ = ["Answered", "Choose", "Script", "ScriptedServer", "Send", "Then", "serving"]


class Then(Enum):
    """What the server does after a script's last step."""

    KEEP = auto()
    CLOSE = auto()
    RESET = auto()
    HANG = auto()


@dataclass(frozen=True, kw_only=True)
class Script(loopback.Script):
    """How a request is answered."""

    then: Then = Then.KEEP


type Choose = Callable[[Answered], Script]

_NOT_FOUND = Script(steps=[Send(0, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")])


def _listener_at(unix_socket: Path | None, port: int) -> socket.socket:
    if unix_socket is None:
        return socket.create_server(("127.0.0.1", port), backlog=256)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(unix_socket))
    listener.listen(256)
    return listener


class ScriptedServer(loopback.ScriptedServer):
    """Answers each request with the script that `choose` returns for it."""

    def __init__(
        self,
        choose: Choose,
        tls: ssl.SSLContext | None = None,
        unix_socket: Path | None = None,
        metrics: Choose | None = None,
        *,
        port: int = 0,
    ) -> None:
        listener = _listener_at(unix_socket, port)
        self._stop, self._stopper = os.pipe()
        super().__init__(self._answer, listener, self._stop)
        self._others = choose
        self._metrics = metrics
        self.metrics_log: list[Answered] = []
        """Reads of `/metrics`, which aren't in `log`."""
        self._tls = tls
        scheme = "https" if tls else "http"
        port = 1 if unix_socket else listener.getsockname()[1]
        self.url = f"{scheme}://127.0.0.1:{port}/v1"

    def _answer(self, asked: Answered) -> loopback.Script:
        if not asked.path.endswith("/metrics"):
            return self._others(asked)
        self.metrics_log.append(self.log.pop())
        return self._metrics(asked) if self._metrics else _NOT_FOUND

    def serve(self) -> None:
        """Serve until `stop`, then close everything."""
        try:
            super().serve()
        finally:
            os.close(self._stop)

    def stop(self) -> None:
        """Make `serve` return."""
        os.close(self._stopper)

    def opened(self, sock: socket.socket) -> socket.socket:
        """Encrypt where the server has a certificate."""
        sock = super().opened(sock)
        return self._tls.wrap_socket(sock, server_side=True) if self._tls else sock

    def receive(self, sock: socket.socket) -> tuple[bytes, int]:
        """Read what an encrypted connection has decrypted."""
        return (sock.recv(65536), time.perf_counter_ns()) if self._tls else super().receive(sock)

    def finish(self, peer: Peer) -> None:
        """Do what the script says after its last step."""
        match peer.script.then if isinstance(peer.script, Script) else Then.KEEP:
            case Then.HANG:
                return
            case Then.RESET:
                linger = b"\x01\0\0\0\0\0\0\0"
                peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.drop(peer)
            case Then.CLOSE:
                self.drop(peer)
            case Then.KEEP:
                super().finish(peer)


@contextmanager
def serving(
    script: Script | Choose,
    tls: ssl.SSLContext | None = None,
    unix_socket: Path | None = None,
    metrics: Choose | None = None,
    *,
    port: int = 0,
) -> Iterator[ScriptedServer]:
    """Serve `script` in a thread of its own; `/metrics` is not found, unless `metrics` has it."""
    choose = (lambda _: script) if isinstance(script, Script) else script
    server = ScriptedServer(choose, tls, unix_socket, metrics, port=port)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(timeout=30)
