"""Which hosts are this machine, by whichever of its names and addresses."""

import socket
from types import SimpleNamespace

import psutil
import pytest

from nobs.errors import UsageError
from nobs.system.hosts import (
    is_loopback,
    is_own_name,
    is_this_machine,
    own_addresses,
    parse_server_url,
)

LOOPBACK = [
    "127.0.0.1", "127.1.2.3", "127.1", "0", "2130706433", "0x7f000001", "0.0.0.0", "::", "[::]",
    "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "::1%lo", "localhost",
    "LOCALHOST", "localhost.", "localhost.localdomain", "ip6-localhost", "api.localhost",
]  # fmt: skip
OTHERS = ["192.0.2.1", "8.8.8.8", "2001:db8::1", "::ffff:192.0.2.1", "fe80::dead:beef:1:2%eth0",
          "128.0.0.1", "1.0.0.127"]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK)
def test_loopback_and_unspecified_addresses_are_this_machine(host: str) -> None:
    assert is_loopback(host)
    assert is_this_machine(host)


@pytest.mark.parametrize("host", OTHERS)
def test_addresses_of_others_are_not(host: str) -> None:
    assert not is_loopback(host)
    assert is_this_machine(host) is False


@pytest.mark.parametrize("host", ["", "localhost.example.invalid", "notlocalhost", "face", "10"])
def test_what_only_looks_like_it_is_no_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_every_address_of_an_interface_is_this_machine() -> None:
    addresses = list(own_addresses())

    assert addresses
    for address in addresses:
        assert is_this_machine(str(address))
        assert is_this_machine(f"{address}%eth0") or address.version == 4


def test_a_container_of_this_machine_is_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def interface(address: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(family=socket.AF_INET, address=address, netmask="255.255.0.0")]

    recorded = {
        "eth0": interface("10.1.2.3"),
        "docker0": interface("172.17.0.1"),
        "br-0123456789ab": interface("172.18.0.1"),
        "br-lan": interface("192.168.0.1"),
    }
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: recorded)

    own = ["172.17.0.2", "172.18.9.9", "10.1.2.3", "192.168.0.1"]
    others = ["172.19.0.2", "10.1.2.4", "192.168.0.2"]
    assert [host for host in own + others if is_this_machine(host)] == own


def test_this_machine_goes_by_its_own_name() -> None:
    name = socket.gethostname()

    assert is_own_name(name)
    assert is_own_name(name.upper())
    assert is_own_name(f"{name.partition('.')[0]}.local")
    assert not is_own_name(f"{name.partition('.')[0]}.example")
    assert is_this_machine(name)


@pytest.mark.parametrize("host", ["host.docker.internal", "host.containers.internal"])
def test_names_that_containers_have_for_their_host_are_this_machine(host: str) -> None:
    assert is_this_machine(host)


def test_a_name_that_nobody_knows_is_unknown() -> None:
    assert is_this_machine("no-such-host.invalid") is None
    assert is_this_machine("x" * 300) is None


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        ("http://0.0.0.0:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://[::]:8000/v1", "http://[::1]:8000/v1"),
        ("https://user:word@0.0.0.0/v1", "https://127.0.0.1/v1"),
        ("https://user:word@h:1/v1", "https://h:1/v1"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://192.0.2.1/v1", "http://192.0.2.1/v1"),
        ("http://localhost:1/v1/", "http://localhost:1/v1/"),
    ],
)
def test_an_unspecified_address_is_reached_over_loopback(url: str, usable: str) -> None:
    assert parse_server_url(url).geturl() == usable


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:1234", "ftp://x/", "http://", "http://a:b/", "http://a:0/", "/v1",
     "http://a b/", "http://a/v1\r\nX: y", "http://b\u00fccher/v1", "http://[::"],
)  # fmt: skip
def test_text_that_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="isn't a server's URL"):
        parse_server_url(url)


def test_a_query_is_refused_since_no_request_would_have_it() -> None:
    with pytest.raises(UsageError, match="has a query") as caught:
        parse_server_url("http://127.0.0.1:1234/v1?api-version=7")

    assert "up to /v1" in caught.value.remedy
