from itertools import product

import pytest

from nobs.launch.engine.info import EngineInfo
from nobs.launch.engine.proxies import read_proxies, route_proxies

FAR = "http://proxy.example:3128"
ENGINE = EngineInfo()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"])
@pytest.mark.parametrize("lower", [True, False])
def test_each_variable_is_read_in_either_case_and_handed_on_in_both(name: str, lower: bool) -> None:
    proxies = read_proxies({name.lower() if lower else name: FAR})
    assert proxies == {name: FAR}
    route = route_proxies(proxies, ENGINE, platform="Linux")
    assert route.environment == {name: FAR, name.lower(): FAR}


def test_the_lower_case_wins_and_switches_off_when_empty() -> None:
    assert read_proxies({"http_proxy": "http://a:1", "HTTP_PROXY": "http://b:1"}) == {
        "HTTP_PROXY": "http://a:1"
    }
    assert read_proxies({"http_proxy": "", "HTTP_PROXY": "http://b:1"}) == {}


@pytest.mark.parametrize(
    ("host", "scheme"),
    list(
        product(
            ["127.0.0.1", "localhost", "[::1]", "127.1.2.3"], ["", "http://", "socks5h://me:pw@"]
        )
    ),
)
def test_a_proxy_on_loopback_is_reached_over_the_hosts_network(host: str, scheme: str) -> None:
    proxies = {"HTTPS_PROXY": f"{scheme}{host}:3128"}
    route = route_proxies(proxies, ENGINE, platform="Linux")
    assert (route.network, route.note) == ("host", "")
    assert route.environment["https_proxy"] == f"{scheme}{host}:3128"


@pytest.mark.parametrize("platform", ["Darwin", "Windows"])
def test_an_engine_in_a_virtual_machine_is_given_the_hosts_name(platform: str) -> None:
    proxies = {"HTTP_PROXY": "http://me:pw@localhost:3128", "NO_PROXY": "localhost,.corp"}
    route = route_proxies(proxies, ENGINE, platform=platform)
    assert route.network is None
    assert route.environment["http_proxy"] == "http://me:pw@host.docker.internal:3128"
    assert route.environment["no_proxy"] == "localhost,.corp"


def test_a_rootless_engine_has_no_way_to_loopback_and_says_so() -> None:
    route = route_proxies(
        {"HTTP_PROXY": "http://me:secret@127.0.0.1:3128"}, EngineInfo(rootless=True),
        platform="Linux",
    )  # fmt: skip
    assert "127.0.0.1:3128" in route.note
    assert "--execution native" in route.note
    assert "secret" not in route.note


@pytest.mark.parametrize("platform", ["Linux", "Darwin"])
@pytest.mark.parametrize(
    "proxy", ["http://[broken", "::::", "http://", "3128", "http://127.0.0.1:no", "localhost:99999"]
)
def test_what_is_no_url_is_handed_on_as_it_is(proxy: str, platform: str) -> None:
    route = route_proxies({"HTTP_PROXY": proxy}, ENGINE, platform=platform)
    assert route.environment["http_proxy"] == proxy
    assert route.network is None
