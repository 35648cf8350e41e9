import tempfile
from pathlib import Path
from socket import gethostname

import pytest

from nobs.errors import UsageError
from nobs.launch.engine.endpoint import Route, Way, choose_route, socket_dir, split_url
from nobs.launch.engine.info import EngineInfo

LOOPBACK = "http://127.0.0.1:1234/v1"
LAN = "http://10.1.2.3:8000/v1"
ENGINE = EngineInfo()
DESKTOP = EngineInfo(desktop=True, operating_system="Docker Desktop")


def route(url: str, engine: EngineInfo | None = ENGINE, platform: str = "Linux") -> Route:
    return choose_route(url, engine, platform=platform)


@pytest.mark.parametrize("engine", [ENGINE, EngineInfo(rootless=True), EngineInfo(selinux=True)])
@pytest.mark.parametrize("url", [LOOPBACK, LAN, "http://localhost:1234/v1"])
def test_on_linux_a_relay_needs_no_network_whatever_the_server_listens_on(
    url: str, engine: EngineInfo
) -> None:
    found = route(url, engine)

    assert (found.way, found.network) == (Way.RELAY, "none")
    assert found.base_url == url
    assert found.socket == "/run/nobs/server.sock"


def test_a_relay_leads_to_the_server_as_the_host_sees_it() -> None:
    assert (route(LAN).host, route(LAN).port) == ("10.1.2.3", 8000)
    assert route("https://llm.example/v1").port == 443


@pytest.mark.parametrize(
    ("engine", "platform"), [(DESKTOP, "Linux"), (ENGINE, "Darwin"), (DESKTOP, "Windows")]
)
def test_an_engine_in_a_virtual_machine_knows_the_host_by_name(
    engine: EngineInfo, platform: str
) -> None:
    found = route(LOOPBACK, engine, platform)

    assert (found.way, found.network, found.socket) == (Way.HOST_NAME, "bridge", None)
    assert found.base_url == "http://host.docker.internal:1234/v1"


def test_in_a_virtual_machine_another_machine_keeps_its_address() -> None:
    found = route(LAN, DESKTOP, "Darwin")

    assert (found.way, found.base_url, found.network) == (Way.DIRECT, LAN, "bridge")


def test_an_engine_on_another_machine_is_refused() -> None:
    with pytest.raises(UsageError, match="another machine"):
        route(LOOPBACK, EngineInfo(remote=True))


@pytest.mark.parametrize("engine", [None, ENGINE])
def test_an_unspecified_address_is_reached_over_loopback(engine: EngineInfo | None) -> None:
    found = route("http://0.0.0.0:8000/v1", engine)

    assert (found.base_url, found.host) == ("http://127.0.0.1:8000/v1", "127.0.0.1")


def test_in_a_virtual_machine_the_own_name_is_the_host() -> None:
    own = f"http://{gethostname()}:8000/v1"

    assert route(own, DESKTOP).base_url == "http://host.docker.internal:8000/v1"


def test_a_native_worker_uses_the_url_as_it_is() -> None:
    found = route(LOOPBACK, None)

    assert (found.way, found.base_url, found.socket) == (Way.DIRECT, LOOPBACK, None)


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        (LOOPBACK, "http://host.docker.internal:1234/v1"),
        ("http://[::1]:80", "http://host.docker.internal:80"),
        ("http://0.0.0.0:8000/v1", "http://host.docker.internal:8000/v1"),
        ("http://LOCALHOST/v1", "http://host.docker.internal/v1"),
        (LAN, LAN),
        ("https://llm.example/v1", "https://llm.example/v1"),
    ],
)
def test_a_launcher_in_a_container_calls_the_host_by_name(url: str, inside: str) -> None:
    found = choose_route(url, None, platform="Linux", in_container=True)

    assert found.base_url == inside


@pytest.mark.parametrize("url", ["", "127.0.0.1:1234", "ftp://x/", "http://", "http://a:b/", "/v1"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="isn't a server's URL"):
        route(url)


def test_the_directory_of_a_socket_leaves_room_for_the_limit_of_its_path() -> None:
    run = Path("/home/someone/results/runs/20260102T030405Z-abcdef")
    path = socket_dir(run, EngineInfo())

    assert path.name == "nobs-20260102T030405Z-abcdef"
    assert path.parent == Path(tempfile.gettempdir())
    assert len("nobs-20260102T030405Z-abcdef/server.sock") < 60


def test_a_snap_sees_a_socket_beside_the_run_alone() -> None:
    run = Path("/home/someone/results/runs/20260102T030405Z-abcdef")
    assert socket_dir(run, EngineInfo(snap=True)).parent == run.parent


def test_a_query_is_refused_since_no_request_would_have_it() -> None:
    with pytest.raises(UsageError, match="has a query") as caught:
        split_url("http://127.0.0.1:1234/v1?api-version=7")

    assert "up to /v1" in caught.value.remedy
