from collections.abc import Callable
from pathlib import Path

import pytest

from nobs.system.host import (
    HostFacts,
    find_host_facts,
    free_disk_bytes,
    memory_left_bytes,
    usable_cores,
    usable_physical_cores,
)
from nobs.system.parsers.linux import container_runtime, cores_of_quota, parse_memory_limit
from nobs.system.probe import Probe


def test_a_container_tells_its_limits(recorded: Callable[[str], Probe]) -> None:
    assert find_host_facts(recorded("server_mi300x")) == HostFacts(
        os_name="Ubuntu",
        os_version="24.04",
        kernel="6.8.0-79-generic",
        machine="x86_64",
        ram_bytes=1623497637888,
        physical_cores=64,
        logical_cores=128,
        affinity_cores=32,
        numa_nodes=None,
        numa_cpu_nodes=None,
        numa_memory_nodes=None,
        numa_policy=None,
        cpu_limit_cores=16.0,
        memory_limit_bytes=274877906944,
        container_runtime="docker",
        hypervisor=None,
        firmware=None,
        cpu_governor="performance",
        cpu_turbo=None,
        cpu_min_hz=None,
        cpu_max_hz=None,
        cpu_hardware_max_hz=None,
        on_battery=None,
    )


def test_the_tightest_group_limits_memory_under_cgroup_1(recorded: Callable[[str], Probe]) -> None:
    facts = find_host_facts(recorded("vm_bare"))

    assert (facts.memory_limit_bytes, facts.cpu_limit_cores) == (17179869184, None)
    assert (facts.hypervisor, facts.container_runtime) == ("KVM", "docker")


@pytest.mark.parametrize(
    ("name", "left"),
    [("vm_bare", 17179869184 - 4_000_000_000), ("server_mi300x", 274877906944),
     ("laptop_rtx4060", None), ("macbook_m4_max", None)],
)  # fmt: skip
def test_a_group_may_take_what_programs_have_left_of_its_limit(
    name: str, left: int | None, recorded: Callable[[str], Probe]
) -> None:
    assert memory_left_bytes(recorded(name)) == left


@pytest.mark.parametrize(
    ("name", "cores"),
    [("server_mi300x", 16), ("vm_bare", 2), ("laptop_rtx4060", 22)],
)
def test_usable_cores_are_those_of_affinity_and_quota(
    name: str, cores: int, recorded: Callable[[str], Probe]
) -> None:
    assert usable_cores(recorded(name)) == cores


@pytest.mark.parametrize(
    ("name", "cores"),
    [("server_mi300x", 16), ("vm_bare", 2), ("laptop_rtx4060", 16)],
)
def test_usable_physical_cores_are_those_of_the_processor_and_the_limits(
    name: str, cores: int, recorded: Callable[[str], Probe]
) -> None:
    assert usable_physical_cores(recorded(name)) == cores


@pytest.mark.parametrize(
    ("name", "system", "hypervisor", "on_battery"),
    [
        ("laptop_rtx4060", ("Ubuntu", "24.04"), None, False),
        ("vm_openstack_rtx4090", ("Ubuntu", "22.04"), "KVM", None),
        ("macbook_m4_max", ("macOS", "26.0.1"), None, True),
        ("windows_rtx4080", ("Windows 11 Pro", "10.0.26100"), None, None),
        ("windows_old_intel", ("Windows 10 Pro", "10.0.19045"), None, None),
        ("spark_gb10", ("Linux", None), None, None),
    ],
)
def test_a_host_names_its_system(
    name: str,
    system: tuple[str, str | None],
    hypervisor: str | None,
    on_battery: bool | None,
    recorded: Callable[[str], Probe],
) -> None:
    facts = find_host_facts(recorded(name))

    assert (facts.os_name, facts.os_version) == system
    assert (facts.hypervisor, facts.on_battery) == (hypervisor, on_battery)
    assert facts.container_runtime is None
    assert facts.cpu_limit_cores is None


@pytest.mark.parametrize(
    ("cgroup", "mountinfo", "expected"),
    [
        ("12:memory:/docker/3f1c", None, "docker"),
        ("0::/kubepods.slice/kubepods-burstable.slice/cri-containerd-1.scope", None, "kubernetes"),
        ("0::/machine.slice/libpod-1.scope", None, "podman"),
        (
            "0::/",
            "9 8 0:9 / / rw - overlay overlay rw,upperdir=/var/lib/containers/storage/d",
            "unknown",
        ),
        ("0::/", "9 8 0:9 / / rw - overlay overlay rw,upperdir=/cow/upper", None),
        ("0::/init.scope", "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw", None),
        (None, None, None),
    ],
)
def test_a_container_is_told_by_its_cgroup_or_its_layers(
    cgroup: str | None, mountinfo: str | None, expected: str | None
) -> None:
    assert container_runtime(cgroup, mountinfo) == expected


@pytest.mark.parametrize(
    ("files", "turbo"),
    [
        ({"/sys/devices/system/cpu/intel_pstate/no_turbo": "0\n"}, True),
        ({"/sys/devices/system/cpu/intel_pstate/no_turbo": "1\n"}, False),
        ({"/sys/devices/system/cpu/cpufreq/boost": "1\n"}, True),
        ({"/sys/devices/system/cpu/cpufreq/boost": "0\n"}, False),
        ({}, None),
    ],
)
def test_turbo_is_told_by_either_driver(
    files: dict[str, str], turbo: bool | None, bare_linux: Callable[..., Probe]
) -> None:
    assert find_host_facts(bare_linux(files=files)).cpu_turbo is turbo


def test_clocks_and_firmware_are_read(bare_linux: Callable[..., Probe]) -> None:
    cpufreq = "/sys/devices/system/cpu/cpu0/cpufreq"
    files = {
        f"{cpufreq}/scaling_min_freq": "400000\n",
        f"{cpufreq}/scaling_max_freq": "5200000\n",
        f"{cpufreq}/cpuinfo_max_freq": "5700000\n",
        "/sys/class/dmi/id/bios_version": "F31\n",
    }
    facts = find_host_facts(bare_linux(files=files))

    assert (facts.cpu_min_hz, facts.cpu_max_hz, facts.firmware) == (4e8, 5.2e9, "F31")
    assert facts.cpu_hardware_max_hz == 5.7e9


@pytest.mark.parametrize(
    ("mark", "runtime"),
    [
        ("/run/.containerenv", "podman"),
        ("/.singularity.d/startscript", "apptainer"),
        ("/var/run/secrets/kubernetes.io/serviceaccount/namespace", "kubernetes"),
    ],
)
def test_a_runtime_leaves_its_mark(
    mark: str, runtime: str, bare_linux: Callable[..., Probe]
) -> None:
    facts = find_host_facts(bare_linux(files={mark: "", "/.dockerenv": ""}))

    assert facts.container_runtime == runtime


def test_limits_that_mean_none_are_none() -> None:
    assert cores_of_quota("-1", "100000") is None
    assert cores_of_quota("max", "100000") is None
    assert parse_memory_limit("max\n") is None
    assert parse_memory_limit("9223372036854771712\n") is None


def test_free_disk_is_known_before_the_folder_exists(tmp_path: Path) -> None:
    free = free_disk_bytes(tmp_path / "not" / "yet")

    assert free is not None
    assert free > 0


def test_windows_without_an_answer_of_powershell_is_still_described(
    bare_linux: Callable[..., Probe],
) -> None:
    facts = find_host_facts(bare_linux(system="Windows"))

    assert (facts.os_name, facts.os_version) == ("Windows", None)
