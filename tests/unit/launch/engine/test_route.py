import tempfile
from pathlib import Path
from socket import gethostname

import pytest

from nobs.launch.engine.info import EngineInfo
from nobs.launch.engine.route import Route, RouteKind, choose_route
from nobs.schema.server import Connection

LOOPBACK = Connection(base_url="http://127.0.0.1:1234/v1")
LAN = Connection(base_url="http://10.1.2.3:8000/v1")
ENGINE = EngineInfo()
DESKTOP = EngineInfo(desktop=True)
RUN = Path("/home/someone/results/runs/20260102T030405Z-abcdef")


def route(connection: Connection, engine: EngineInfo = ENGINE, platform: str = "Linux") -> Route:
    return choose_route(connection.host, engine, RUN, platform=platform)


@pytest.mark.parametrize("engine", [ENGINE, EngineInfo(rootless=True), EngineInfo(selinux=True)])
@pytest.mark.parametrize("connection", [LOOPBACK, LAN])
def test_on_linux_a_relay_needs_no_network_whatever_the_server_listens_on(
    connection: Connection, engine: EngineInfo
) -> None:
    found = route(connection, engine)

    assert (found.kind, found.network) == (RouteKind.RELAY, "none")
    assert found.apply(connection) == connection.model_copy(
        update={"socket": "/run/nobs/server.sock"}
    )


@pytest.mark.parametrize(
    ("engine", "platform"), [(DESKTOP, "Linux"), (ENGINE, "Darwin"), (DESKTOP, "Windows")]
)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", gethostname()])
def test_an_engine_in_a_virtual_machine_knows_the_host_by_name(
    engine: EngineInfo, platform: str, host: str
) -> None:
    connection = Connection(base_url=f"http://{host}:1234/v1", request_timeout_s=7.0)
    found = route(connection, engine, platform)

    assert found == Route(kind=RouteKind.HOST_NAME, network="bridge")
    assert found.apply(connection) == Connection(
        base_url="http://host.docker.internal:1234/v1", request_timeout_s=7.0
    )


def test_in_a_virtual_machine_another_machine_keeps_its_address() -> None:
    found = route(LAN, DESKTOP, "Darwin")

    assert found == Route(kind=RouteKind.DIRECT, network="bridge")
    assert found.apply(LAN) == LAN


def test_the_directory_of_a_socket_leaves_room_for_the_limit_of_its_path() -> None:
    directory = route(LOOPBACK).socket_dir

    assert directory == Path(tempfile.gettempdir()) / "nobs-20260102T030405Z-abcdef"
    assert len("nobs-20260102T030405Z-abcdef/server.sock") < 60


def test_a_snap_sees_a_socket_next_to_the_run_only() -> None:
    directory = route(LOOPBACK, EngineInfo(snap=True)).socket_dir

    assert directory is not None
    assert directory.parent == RUN.parent
