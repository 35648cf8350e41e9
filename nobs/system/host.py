"""Facts of the host for `nobs doctor`, the plan and the environment record."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import psutil

from nobs.system.identity import identify, windows_pc
from nobs.system.numa import find_placement, find_policy
from nobs.system.parsers import linux
from nobs.system.parsers.values import integer, stripped
from nobs.system.probe import LocalMachine, Probe

_CGROUP = "/sys/fs/cgroup"
_CPUFREQ = "/sys/devices/system/cpu/cpu0/cpufreq"
_INTEL_NO_TURBO = "/sys/devices/system/cpu/intel_pstate/no_turbo"
_BOOST = "/sys/devices/system/cpu/cpufreq/boost"
_NUMA_NODES = "/sys/devices/system/node/online"
_FIRMWARE = "/sys/class/dmi/id/bios_version"
_CONTAINER_MARKS = {
    "/var/run/secrets/kubernetes.io/serviceaccount/namespace": "kubernetes",
    "/run/.containerenv": "podman",
    "/.singularity.d/startscript": "apptainer",
    "/.dockerenv": "docker",
}
"""Files that a runtime puts into its containers, the outermost first."""


@dataclass(frozen=True, kw_only=True)
class HostFacts:
    """A machine and its limits; None where unknown."""

    os_name: str
    """As in `Ubuntu`; inside a container, the image's."""
    os_version: str | None
    kernel: str
    machine: str
    """Architecture, as in `x86_64` or `arm64`."""
    ram_bytes: int
    physical_cores: int | None
    logical_cores: int | None
    affinity_cores: int | None
    """Hardware threads that this process may use."""
    numa_nodes: str | None
    """Memory nodes of the machine, as in `0-1`."""
    numa_cpu_nodes: str | None
    """Nodes whose CPUs this process may use, as in `0`; None if all or unknown."""
    numa_memory_nodes: str | None
    """Nodes that its cpuset lets this process allocate from; None if all or unknown."""
    numa_policy: str | None
    """Memory policy of this process, as in `bind:0` (numactl); None for the default one."""
    cpu_limit_cores: float | None
    """CPU quota of the cgroup."""
    memory_limit_bytes: int | None
    """Memory limit of the cgroup."""
    container_runtime: str | None
    """As in `docker` or `kubernetes`; `unknown` if only the layers show it; None outside."""
    hypervisor: str | None
    """Vendor, as in `KVM`; `unknown` if only the CPU flag shows it; None on bare metal."""
    firmware: str | None
    """Version of the BIOS."""
    cpu_governor: str | None
    cpu_turbo: bool | None
    """Whether cores may go beyond their base clock."""
    cpu_min_hz: float | None
    cpu_max_hz: float | None
    """Highest clock that is allowed now."""
    cpu_hardware_max_hz: float | None
    """Highest clock that the processor supports."""
    on_battery: bool | None


def find_host_facts(probe: Probe | None = None) -> HostFacts:
    """Read the limits of a run on this machine."""
    machine = probe or LocalMachine()
    os_name, os_version = _os(machine)
    identity = identify(machine)
    return HostFacts(
        os_name=os_name or machine.system,
        os_version=os_version,
        kernel=machine.release,
        machine=machine.machine,
        ram_bytes=machine.ram_bytes,
        physical_cores=machine.physical_cores or identity.cores,
        logical_cores=machine.logical_cores,
        numa_nodes=stripped(machine.read(_NUMA_NODES)),
        numa_policy=find_policy(machine),
        memory_limit_bytes=_smallest(limit for limit, _ in _memory_limits(machine)),
        container_runtime=find_container_runtime(machine),
        hypervisor=identity.hypervisor,
        firmware=stripped(machine.read(_FIRMWARE)),
        cpu_min_hz=_hertz(machine.read(f"{_CPUFREQ}/scaling_min_freq")),
        cpu_hardware_max_hz=_hertz(machine.read(f"{_CPUFREQ}/cpuinfo_max_freq")),
        on_battery=machine.on_battery,
        **read_limits(machine),
    )


def read_limits(probe: Probe | None = None) -> dict[str, Any]:
    """Return the limits of `HostFacts` that can change at any time; None where there is none."""
    machine = probe or LocalMachine()
    placement = find_placement(machine)
    return {
        "cpu_limit_cores": _smallest(_cpu_limits(machine)),
        "affinity_cores": machine.affinity_cores,
        "cpu_governor": stripped(machine.read(f"{_CPUFREQ}/scaling_governor")),
        "cpu_turbo": _turbo(machine),
        "cpu_max_hz": _hertz(machine.read(f"{_CPUFREQ}/scaling_max_freq")),
        "numa_cpu_nodes": placement.cpu_nodes,
        "numa_memory_nodes": placement.memory_nodes,
    }


def usable_cores(probe: Probe | None = None) -> int:
    """Return how many threads can run at once here: by affinity and the cgroup, at least 1."""
    machine = probe or LocalMachine()
    threads = machine.affinity_cores or machine.logical_cores or 1
    return max(1, int(min(threads, _smallest(_cpu_limits(machine)) or threads)))


def usable_physical_cores(probe: Probe | None = None) -> int:
    """Return the same without the second threads of cores, which slow matrix products down."""
    machine = probe or LocalMachine()
    usable = usable_cores(machine)
    return min(machine.physical_cores or usable, usable)


def memory_left_bytes(probe: Probe | None = None) -> int | None:
    """Return the memory that this process's cgroups may still take; None without a limit.

    Pages of files count as left: the kernel drops them first.
    """
    left = (limit - used for limit, used in _memory_limits(probe or LocalMachine()))
    return _smallest(left)


def free_memory() -> int:
    """Return the bytes that this process may still take, within the limit of its container."""
    free, left = psutil.virtual_memory().available, memory_left_bytes()
    return free if left is None else max(0, min(free, left))


def free_disk_bytes(path: Path) -> int | None:
    """Return the free bytes of the disk that `path` is or would be on; None where it has none."""
    absolute = path.absolute()
    for place in (absolute, *absolute.parents):
        try:
            usage = shutil.disk_usage(place)
        except OSError:
            continue
        return usage.free if usage.total else None
    return None


def _os(machine: Probe) -> tuple[str | None, str | None]:
    match machine.system:
        case "Darwin":
            version = machine.run(("sw_vers", "-productVersion"))
            return "macOS", stripped(version)
        case "Windows":
            pc = windows_pc(machine)
            return pc.os_name, pc.os_version
        case _:
            return linux.parse_os_release(
                machine.read("/etc/os-release") or machine.read("/usr/lib/os-release")
            )


def find_container_runtime(machine: Probe) -> str | None:
    """Return the runtime of the container that this process is in; None outside."""
    for mark, runtime in _CONTAINER_MARKS.items():
        if machine.read(mark) is not None:
            return runtime
    return linux.container_runtime(
        machine.read("/proc/1/cgroup"), machine.read("/proc/self/mountinfo")
    )


def _turbo(machine: Probe) -> bool | None:
    """Ask Intel's own driver, else the general switch."""
    if (forbidden := stripped(machine.read(_INTEL_NO_TURBO))) is not None:
        return forbidden == "0"
    allowed = stripped(machine.read(_BOOST))
    return None if allowed is None else allowed == "1"


def _hertz(kilohertz: str | None) -> float | None:
    value = integer(kilohertz)
    return value * 1e3 if value else None


def _cpu_limits(machine: Probe) -> Iterator[float | None]:
    for group in _groups(machine, ""):
        yield linux.parse_cpu_max(machine.read(f"{_CGROUP}{group}/cpu.max"))
    for group in _groups(machine, "cpu"):
        quota, period = (
            machine.read(f"{_CGROUP}/cpu{group}/cpu.cfs_{name}_us") for name in ("quota", "period")
        )
        yield linux.cores_of_quota(quota, period)


def _memory_limits(machine: Probe) -> Iterator[tuple[int, int]]:
    """Yield limit and use of each cgroup with a limit."""
    names = {"": ("", "max", "current"), "memory": ("/memory", "limit_in_bytes", "usage_in_bytes")}
    for controller, (root, limited, used) in names.items():
        for group in _groups(machine, controller):
            place = f"{_CGROUP}{root}{group}/memory"
            if limit := linux.parse_memory_limit(machine.read(f"{place}.{limited}")):
                usage = integer(machine.read(f"{place}.{used}")) or 0
                yield limit, usage - linux.parse_file_pages(machine.read(f"{place}.stat"))


def _groups(machine: Probe, controller: str) -> Iterator[str]:
    """Yield this process's cgroup and its ancestors: each of them limits it."""
    path = linux.parse_cgroup_paths(machine.read("/proc/self/cgroup")).get(controller, "/")
    for group in (PurePosixPath(path), *PurePosixPath(path).parents):
        yield str(group).rstrip("/")


def _smallest[T: (int, float)](limits: Iterable[T | None]) -> T | None:
    return min((limit for limit in limits if limit is not None), default=None)
