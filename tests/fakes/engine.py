"""A stand-in container engine on a unix socket: it has every image and starts no container."""

import json
import socketserver
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event, Thread
from typing import Any

_VERSION = {
    "Platform": {"Name": "Docker Engine - Community"}, "Version": "28.4.0", "ApiVersion": "1.51",
    "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64",
}  # fmt: skip
_INFO = {
    "OperatingSystem": "Ubuntu 24.04.3 LTS", "OSType": "linux", "Architecture": "x86_64",
    "NCPU": 2, "MemTotal": 16 << 30, "Driver": "overlay2", "CgroupVersion": "2",
    "SecurityOptions": ["name=seccomp,profile=builtin"], "Runtimes": {"runc": {}},
    "DefaultRuntime": "runc", "DockerRootDir": "/var/lib/docker",
}  # fmt: skip
_IMAGE = {
    "Id": f"sha256:{'0' * 64}", "RepoTags": ["nobs:cpu-x", "nobs:cpu"], "Config": {"Labels": {}},
}  # fmt: skip

Refuse = Callable[[dict[str, Any]], str]


class StandInEngine:
    """What the engine was asked for, and how it refuses."""

    def __init__(self, socket: Path, refuse: Refuse, info: dict[str, Any], *, waits: bool) -> None:
        self.url = f"unix://{socket}"
        self.image: dict[str, Any] = dict(_IMAGE)
        self.created: list[dict[str, Any]] = []
        self.refuse = refuse
        self.info = _INFO | info
        self.go = Event()
        """A request to create a container is answered once this is set."""
        self.fails = Event()
        """Once this is set it answers no question any more."""
        if not waits:
            self.go.set()


@contextmanager
def stand_in_engine(
    socket: Path,
    refuse: Refuse = lambda _: "no such thing",
    *,
    waits: bool = False,
    info: Mapping[str, Any] | None = None,
) -> Iterator[StandInEngine]:
    """Serve an engine at `socket` that refuses each container with the text of `refuse`."""
    engine = StandInEngine(socket, refuse, dict(info or {}), waits=waits)
    with _Server(str(socket), _handler(engine)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield engine
        finally:
            engine.go.set()
            server.shutdown()
            thread.join()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def get_request(self) -> tuple[Any, Any]:
        """Give the caller an address, which the handler wants to print."""
        connection, _ = super().get_request()
        return connection, ("stand-in", 0)


def _handler(engine: StandInEngine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            if engine.fails.is_set():
                self._answer(500, {"message": "out of order"})
                return
            path = self.path.partition("?")[0]
            ends = {"/version": _VERSION, "/info": engine.info}
            found = next((value for end, value in ends.items() if path.endswith(end)), [])
            self._answer(200, engine.image if "/images/" in path else found)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if "/containers/create" not in self.path:
                self._answer(201, {})
                return
            engine.created.append(json.loads(body))
            engine.go.wait(60)
            self._answer(400, {"message": engine.refuse(engine.created[-1])})

        def _answer(self, status: int, value: object) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Api-Version", "1.51")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
