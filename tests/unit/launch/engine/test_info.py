from dataclasses import replace
from pathlib import Path
from socket import gethostname

import pytest

from nobs.launch.engine.info import Here, is_elsewhere, is_remote, parse_info, read_cdi_specs

# Recorded, shortened: dockerd 20.10.24 of Debian 12, 28.3 with the NVIDIA toolkit, Docker Desktop.
DEBIAN = {
    "Runtimes": {"io.containerd.runc.v2": {}, "runc": {}},
    "DefaultRuntime": "runc",
    "SecurityOptions": ["name=seccomp,profile=default"],
    "CgroupVersion": "1",
    "Driver": "overlay2",
    "Architecture": "x86_64",
    "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
    "NCPU": 2,
    "MemTotal": 25276502016,
}
NEW = {
    "Runtimes": {"nvidia": {"path": "nvidia-container-runtime"}, "runc": {}},
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns", "name=selinux"],
    "CgroupVersion": "2",
    "CDISpecDirs": ["/etc/cdi", "/var/run/cdi"],
    "DiscoveredDevices": [
        {"Source": "cdi", "ID": "nvidia.com/gpu=0"},
        {"Source": "cdi", "ID": "nvidia.com/gpu=all"},
        {"Source": "other", "ID": "x"},
    ],
}
ROOTLESS = {"SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"]}
REMAPPED = {"SecurityOptions": ["name=userns"]}
DESKTOP = {"OperatingSystem": "Docker Desktop", "SecurityOptions": None, "Runtimes": None}
LOCAL = "unix:///var/run/docker.sock"


def test_an_old_engine_is_read() -> None:
    info = parse_info(DEBIAN, endpoint=LOCAL)

    assert info.runtimes == ("io.containerd.runc.v2", "runc")
    assert info.architecture == "x86_64"
    assert not info.cdi_enabled


def test_a_new_engine_tells_its_cdi_devices() -> None:
    info = parse_info(NEW, endpoint=LOCAL)

    assert info.cdi_enabled
    assert info.cdi_kinds == {"nvidia.com/gpu"}
    assert "nvidia" in info.runtimes
    assert info.selinux


def test_rootless_remapped_and_desktop_engines_are_told_apart() -> None:
    rootless, remapped, desktop = (
        parse_info(info, endpoint=LOCAL) for info in (ROOTLESS, REMAPPED, DESKTOP)
    )

    assert (rootless.rootless, rootless.userns_remapped, rootless.desktop) == (True, False, False)
    assert (remapped.rootless, remapped.userns_remapped, remapped.desktop) == (False, True, False)
    assert (desktop.rootless, desktop.userns_remapped, desktop.desktop) == (False, False, True)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (LOCAL, False),
        ("npipe:////./pipe/docker_engine", False),
        ("tcp://127.0.0.1:2375", False),
        ("tcp://[::1]:2375", False),
        (f"tcp://{gethostname()}:2375", False),
        (f"ssh://me@{gethostname()}", False),
        ("tcp://10.0.0.5:2376", True),
        ("ssh://me@box", True),
    ],
)
def test_an_engine_on_another_machine_is_known(endpoint: str, expected: bool) -> None:
    assert is_remote(endpoint) is expected


HERE = Here(system="Linux", kernel="6.8.0-79-generic", name="box1")
OWN = {"KernelVersion": "6.8.0-79-generic", "Name": "box1"}


@pytest.mark.parametrize(
    ("info", "here", "expected"),
    [
        (OWN, HERE, False),
        # A socket that ssh forwards to a machine of the same image.
        (OWN | {"Name": "box2"}, HERE, True),
        (OWN | {"KernelVersion": "6.1.0-27-amd64"}, HERE, True),
        # A development container with the socket of its host has another name.
        (OWN, replace(HERE, name=None), False),
        (OWN | {"OperatingSystem": "Docker Desktop", "Name": "docker-desktop"}, HERE, False),
        (OWN | {"Name": "colima"}, replace(HERE, system="Darwin"), False),
        ({}, HERE, False),
    ],
)
def test_the_engine_of_another_machine_is_known_behind_a_local_socket(
    info: dict[str, str], here: Here, expected: bool
) -> None:
    assert is_elsewhere(info, here) is expected
    assert parse_info(info, endpoint=LOCAL, here=here).remote is expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": []}'),
        ("a.yaml", "---\ncdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices: []\n"),
        ("a.yml", 'cdiVersion: "0.5.0"\n"kind": "nvidia.com/gpu"\n'),
    ],
)
def test_cdi_kinds_are_read_from_specifications(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "notes.txt").write_text("kind: other.com/gpu")

    specs = read_cdi_specs([str(tmp_path), str(tmp_path / "absent")])

    assert parse_info({}, endpoint=LOCAL, cdi_specs=specs).cdi_kinds == {"nvidia.com/gpu"}


def test_damaged_specifications_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text("[]")
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe kind")

    specs = read_cdi_specs([str(tmp_path)])

    assert parse_info({}, endpoint=LOCAL, cdi_specs=specs).cdi_kinds == frozenset()
