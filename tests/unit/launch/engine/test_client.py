import http.server
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nobs.errors import EngineError
from nobs.launch.engine.client import check_version, connect, describe_engine, explain_failure
from nobs.launch.engine.contexts import Endpoint
from nobs.schema.spec import EngineRef
from tests.fakes.ports import free_port

ENDPOINT = Endpoint(context="default", url="unix:///var/run/docker.sock")


def failure(host: str) -> EngineError:
    with pytest.raises(EngineError) as caught:
        connect({"DOCKER_HOST": host})
    return caught.value


@pytest.fixture
def other_server() -> Iterator[int]:
    """Serve something that isn't Docker and return its port."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>router</html>")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_missing_socket_is_named_with_how_to_start_an_engine(tmp_path: Path) -> None:
    error = failure(f"unix://{tmp_path}/none.sock")

    assert f"{tmp_path}/none.sock (DOCKER_HOST): its socket is missing" in error.message
    assert "systemctl start docker" in error.remedy
    assert "--execution native" in error.remedy
    assert error.exit_code == 3


def test_a_socket_without_a_listener_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "dead.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)

    assert "the connection is refused" in failure(f"unix://{path}").message


def test_a_closed_port_is_refused() -> None:
    closed_port = free_port()
    error = failure(f"tcp://127.0.0.1:{closed_port}")

    assert f"tcp://127.0.0.1:{closed_port}" in error.message
    assert "refused" in error.message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user for a moment")
def test_a_socket_without_permission_names_the_group() -> None:
    # In /tmp: another user can't pass root's own temporary directories.
    path = Path(f"/tmp/nobs-test-{os.getpid()}.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        path.chmod(0o600)
        server.listen()
        os.seteuid(65534)
        try:
            error = failure(f"unix://{path}")
        finally:
            os.seteuid(0)
            path.unlink()

    assert "No permission" in error.message
    assert "usermod -aG docker" in error.remedy


def test_another_program_at_the_address_is_no_engine(other_server: int) -> None:
    error = failure(f"tcp://127.0.0.1:{other_server}")

    assert f"No container engine answers at tcp://127.0.0.1:{other_server}" in error.message


def test_an_unknown_machine_is_not_found() -> None:
    assert "can't be found" in failure("tcp://nosuch.invalid:2375").message


def test_ssh_without_its_package_names_the_package() -> None:
    assert "docker[ssh]" in failure("ssh://me@box.invalid").remedy


@pytest.mark.parametrize("host", ["gopher://box", "tcp://box"])
def test_an_address_that_is_none_is_named(host: str) -> None:
    error = failure(host)

    assert f"{host} (DOCKER_HOST) is invalid" in error.message
    assert "unix:///path" in error.remedy


def test_a_wrong_context_never_becomes_the_local_engine(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no Docker context 'nosuch'"):
        connect({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "nosuch"})


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("HTTPConnectionPool(...): Read timed out. (read timeout=15)", "doesn't answer in time"),
        ("SSLError(SSLCertVerificationError(1, ...))", "don't trust each other"),
        ("client version 1.24 is too old. Minimum supported API version is 1.44", "no API in comm"),
        ("Something\nnew", "Something new"),
    ],
)
def test_every_other_failure_says_what_the_engine_said(text: str, part: str) -> None:
    assert part in explain_failure(text, ENDPOINT, {}).message


def test_a_rootless_engine_next_to_the_absent_one_is_pointed_at(tmp_path: Path) -> None:
    (tmp_path / "docker.sock").touch()

    error = explain_failure(
        "FileNotFoundError(2, ...)", ENDPOINT, {"XDG_RUNTIME_DIR": str(tmp_path)}
    )

    assert f"export DOCKER_HOST=unix://{tmp_path}/docker.sock" in error.remedy


def test_an_engine_older_than_any_known_to_work_is_refused() -> None:
    ref = EngineRef(
        name="Docker Engine - Community",
        version="19.03.15",
        api_version="1.40",
        context="default",
        endpoint=ENDPOINT.url,
    )

    with pytest.raises(EngineError) as caught:
        check_version(ref)

    assert "19.03.15" in caught.value.message
    assert "20.10" in caught.value.remedy


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ({"Platform": {"Name": "Docker Engine - Community"}}, "Docker Engine - Community"),
        ({"Platform": {"Name": ""}, "Components": [{"Name": "Podman Engine"}]}, "Podman Engine"),
        ({}, "Docker Engine"),
    ],
)
def test_an_engine_is_described_by_what_it_calls_itself(
    version: dict[str, object], name: str
) -> None:
    assert describe_engine(version, ENDPOINT).name == name
