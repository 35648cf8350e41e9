"""A server of the host as a container without a network reaches it."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nobs.launch.engine.client import connect
from nobs.launch.engine.route import RouteKind, choose_route
from nobs.launch.server.relay import relaying
from nobs.schema.server import Connection
from tests.container.launching import USER, Launch

ASK = """
import http.client, json, os, socket
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(SOCKET)
connection = Connection(HOST)
for _ in range(2):
    connection.request("POST", "/v1/echo", body=b"x" * 300_000)
    answer = connection.getresponse()
    print(answer.status, len(answer.read()))
try:
    socket.create_connection(("127.0.0.1", PORT), 2)
    print("network")
except OSError:
    print("no network")
"""


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["first", pytest.param("second", marks=pytest.mark.stand_ins)])
def address(request: pytest.FixtureRequest) -> str:
    name = "engine" if request.param == "first" else "second_engine"
    return str(request.getfixturevalue(name))


def test_a_server_on_loopback_is_reached_without_a_network(
    address: str, port: int, tmp_path: Path
) -> None:
    with connect({**os.environ, "DOCKER_HOST": address}) as engine:
        launch = Launch(engine, tmp_path / "run")
        route = choose_route("127.0.0.1", engine.info, tmp_path, platform="Linux")
        connection = route.apply(Connection(base_url=f"http://127.0.0.1:{port}/v1"))
        words = f"SOCKET, HOST, PORT = {connection.socket!r}, '127.0.0.1', {port}\n"
        owner = USER or (os.getuid(), os.getgid())
        with relaying(tmp_path / "socket", connection.host, port, owner) as socket:
            outcome = launch.run(words + ASK, socket_dir=socket.parent)

    assert route.kind is RouteKind.RELAY
    assert outcome.exit_code == 0, launch.stderr
    assert launch.stdout == ["200 300000", "200 300000", "no network"]
