"""Addresses of hosts, and files of them."""

from pathlib import Path

import pytest

from nobs.errors import UsageError
from nobs.launch.remote.hosts import Host, choose_hosts, parse_hosts, read_hosts

FILE = """
# two machines
[[host]]
name = "box1"
address = "ssh://me@10.0.0.1:2222"
tags = ["h100", "rack 2"]
usd_per_hour = 2.49
nobs = "/opt/nobs/bin/nobs"

[[host]]
name = "box2"
"""


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "hosts.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("box1", "box1", "box1"),
        ("ssh://Box1", "Box1", "Box1"),
        ("ssh://me@box1", "box1", "ssh://me@box1"),
        ("ssh://box1:2222", "box1", "ssh://box1:2222"),
        ("10.0.0.1", "10.0.0.1", "10.0.0.1"),
    ],
)
def test_a_host_is_named_like_its_address(text: str, name: str, address: str) -> None:
    assert parse_hosts([text]) == [Host(name=name, address=address)]


@pytest.mark.parametrize("text", ["-oProxyCommand=x", "http://box1", "box1 box2", "ssh://box:x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"isn't an address for ssh"):
        parse_hosts([text])


def test_an_address_without_a_name_needs_a_file() -> None:
    with pytest.raises(UsageError, match=r"\[::1\]:22 has no name for reports. Name it in a file"):
        parse_hosts(["ssh://[::1]:22"])


def test_a_file_has_names_addresses_tags_and_prices(tmp_path: Path) -> None:
    box1, box2 = read_hosts(write(tmp_path, FILE))

    assert box1 == Host(
        name="box1", address="ssh://me@10.0.0.1:2222", tags=("h100", "rack 2"), usd_per_hour=2.49,
        nobs="/opt/nobs/bin/nobs",
    )  # fmt: skip
    assert box2 == Host(name="box2", address="box2")


def test_tags_choose_hosts_of_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, FILE)

    assert [host.name for host in choose_hosts([], file, ["h100"])] == ["box1"]
    assert [host.name for host in choose_hosts(["box3"], file)] == ["box3", "box1", "box2"]
    with pytest.raises(UsageError, match=r"has the tag a100. Choose from h100 and rack 2"):
        choose_hosts([], file, ["a100"])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("usd_per_hour = 2.49", 'usd_per_hour = "2.49"', "line 7, field usd_per_hour: '2.49' is"),
        ("usd_per_hour = 2.49", "usd_per_hour = -1", "line 7, field usd_per_hour: '-1' is refused"),
        ("usd_per_hour", "usd_per_minute", "line 7, field usd_per_minute: is unknown"),
        ('tags = ["h100", "rack 2"]', 'tags = "h100"', "line 6, field tags: 'h100' is refused"),
        ('name = "box2"', 'name = "box 2"', "line 11, field name: 'box 2' is refused"),
        ('name = "box2"', 'name = "box1"', "line 11, field name: box1 is the name of another"),
        ('name = "box2"', "tags = []", "line 10, field name: is missing"),
        ("ssh://me@10.0.0.1:2222", "-oX", "line 5, field address: '-oX' is refused"),
        ('[[host]]\nname = "box2"', "[hosts.box2]", "line 10, field hosts: is unknown"),
        ('name = "box2"', "name = ", r"isn't valid TOML: .*line 11"),
        (FILE, "", "field host: is missing"),
    ],
)
def test_an_error_is_named_with_line_and_field(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        read_hosts(write(tmp_path, FILE.replace(old, new)))


def test_two_hosts_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match=r"name box1: box1 and ssh://box1:2222"):
        choose_hosts(["box1,ssh://box1:2222"], None)


def test_no_host_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="No host is named"):
        choose_hosts([","], None)
