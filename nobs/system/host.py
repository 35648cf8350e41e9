"""Facts of the host for `nobs doctor`, the plan and the environment record."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nobs.system.identity import identify, windows_pc
from nobs.system.parsers import linux
from nobs.system.probe import LocalMachine, Probe

_CGROUP = "/sys/fs/cgroup"
_GOVERNOR = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")


@dataclass(frozen=True, kw_only=True)
class HostFacts:
    """A machine below its operating system's name; None where it doesn't tell."""

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
    cpu_limit_cores: float | None
    """CPU quota of the cgroup."""
    memory_limit_bytes: int | None
    """Memory limit of the cgroup."""
    in_container: bool
    hypervisor: str | None
    """Vendor, as in `KVM`; `unknown` if only the CPU flag tells; None on bare metal."""
    cpu_governor: str | None
    on_battery: bool | None


def find_host_facts(probe: Probe | None = None) -> HostFacts:
    """Read what bounds a run on this machine."""
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
        affinity_cores=machine.affinity_cores,
        cpu_limit_cores=_smallest(_cpu_limits(machine)),
        memory_limit_bytes=_smallest(_memory_limits(machine)),
        in_container=_in_container(machine),
        hypervisor=identity.hypervisor,
        cpu_governor=(machine.read(_GOVERNOR) or "").strip() or None,
        on_battery=machine.on_battery,
    )


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
            return "macOS", (version or "").strip() or None
        case "Windows":
            pc = windows_pc(machine)
            return pc.os_name, pc.os_version
        case _:
            return linux.parse_os_release(
                machine.read("/etc/os-release") or machine.read("/usr/lib/os-release")
            )


def _in_container(machine: Probe) -> bool:
    if any(machine.read(mark) is not None for mark in _CONTAINER_MARKS):
        return True
    return linux.tells_container(
        machine.read("/proc/1/cgroup"), machine.read("/proc/self/mountinfo")
    )


def _cpu_limits(machine: Probe) -> Iterator[float | None]:
    for group in _groups(machine, ""):
        yield linux.parse_cpu_max(machine.read(f"{_CGROUP}{group}/cpu.max"))
    for group in _groups(machine, "cpu"):
        quota, period = (
            machine.read(f"{_CGROUP}/cpu{group}/cpu.cfs_{name}_us") for name in ("quota", "period")
        )
        yield linux.cores_of_quota(quota, period)


def _memory_limits(machine: Probe) -> Iterator[int | None]:
    for group in _groups(machine, ""):
        yield linux.parse_memory_limit(machine.read(f"{_CGROUP}{group}/memory.max"))
    for group in _groups(machine, "memory"):
        limit = machine.read(f"{_CGROUP}/memory{group}/memory.limit_in_bytes")
        yield linux.parse_memory_limit(limit)


def _groups(machine: Probe, controller: str) -> Iterator[str]:
    """Yield this process's cgroup and its ancestors: each of them limits it."""
    path = linux.parse_cgroup_paths(machine.read("/proc/self/cgroup")).get(controller, "/")
    for group in (PurePosixPath(path), *PurePosixPath(path).parents):
        yield str(group).rstrip("/")


def _smallest[T: (int, float)](limits: Iterable[T | None]) -> T | None:
    return min((limit for limit in limits if limit is not None), default=None)
