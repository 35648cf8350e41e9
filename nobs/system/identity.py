"""Names of the processor and of the machine, from several sources."""

from collections.abc import Iterable
from dataclasses import dataclass

from nobs.system.accelerators import SYSTEM_PROFILER
from nobs.system.parsers import fastfetch, linux, macos, windows
from nobs.system.parsers.names import host_name, known, unnamed_cpu
from nobs.system.probe import PROBE_S, Probe

SYSCTL = ("sysctl", "machdep.cpu.brand_string", "hw.model", "kern.hv_vmm_present")
_DMI = "/sys/class/dmi/id"
_DEVICE_TREE_MODEL = "/proc/device-tree/model"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Names of processor and machine; None where unknown."""

    cpu: str | None = None
    cpu_vendor: str | None = None
    host: str | None = None
    hypervisor: str | None = None
    cores: int | None = None
    """Physical cores."""


def identify(machine: Probe) -> Identity:
    """Merge the platform's sources, the best one first."""
    sources: tuple[Identity, ...]
    match machine.system:
        case "Darwin":
            sources = (_mac(machine),)
        case "Windows":
            sources = (_fastfetch(machine), _windows(machine))
        case _:
            sources = (_fastfetch(machine), _linux_cpu(machine), _linux_host(machine))
    return Identity(
        cpu=next((source.cpu for source in sources if source.cpu), None),
        cpu_vendor=next((source.cpu_vendor for source in sources if source.cpu_vendor), None),
        host=next((source.host for source in sources if source.host), None),
        hypervisor=_named_first(source.hypervisor for source in sources),
        cores=next((source.cores for source in sources if source.cores), None),
    )


def processor(machine: Probe, identity: Identity) -> str:
    """Return model and physical cores, as in `AMD EPYC 9354 (32)`."""
    name = identity.cpu or unnamed_cpu(
        identity.cpu_vendor, machine.machine, virtual=identity.hypervisor is not None
    )
    cores = machine.physical_cores or identity.cores or machine.logical_cores
    return f"{name} ({cores})" if cores else name


def host(machine: Probe, identity: Identity) -> str:
    """Return make and model; else the kind of the machine."""
    if identity.host:
        return identity.host
    if identity.hypervisor:
        maker = "" if identity.hypervisor == "unknown" else identity.hypervisor
        return f"{maker} virtual machine".strip()
    return f"{machine.system} {machine.machine}".strip()


def windows_pc(machine: Probe) -> windows.WindowsPc:
    """Query PowerShell once for everything; None where it has no value."""
    return windows.parse_cim(machine.run(windows.CIM_QUERY, PROBE_S))


def _named_first(hypervisors: Iterable[str | None]) -> str | None:
    found = [hypervisor for hypervisor in hypervisors if hypervisor]
    return next((maker for maker in found if maker != "unknown"), found[0] if found else None)


def _fastfetch(machine: Probe) -> Identity:
    found = fastfetch.parse_fastfetch(machine.run(fastfetch.QUERY))
    return Identity(cpu=found.cpu, host=found.host) if found else Identity()


def _linux_cpu(machine: Probe) -> Identity:
    found = linux.parse_lscpu(machine.run(("lscpu",)))
    plain = linux.parse_cpuinfo(machine.read("/proc/cpuinfo"))
    sources = [cpu for cpu in (found, plain) if cpu]
    return Identity(
        cpu=next((cpu.name for cpu in sources if cpu.name), None),
        cpu_vendor=next((cpu.vendor for cpu in sources if cpu.vendor), None),
        hypervisor=next((cpu.hypervisor for cpu in sources if cpu.hypervisor), None),
        cores=found.cores if found else None,
    )


def _linux_host(machine: Probe) -> Identity:
    vendor, product, version, board_vendor, board = (
        machine.read(f"{_DMI}/{name}")
        for name in ("sys_vendor", "product_name", "product_version", "board_vendor", "board_name")
    )
    return Identity(
        host=host_name(vendor, product, version)
        or host_name(board_vendor, board)
        or known(machine.read(_DEVICE_TREE_MODEL)),
        # Arm machines don't show a hypervisor in their CPU flags.
        hypervisor=windows.hypervisor_of_model(product),
    )


def _mac(machine: Probe) -> Identity:
    found = macos.parse_sysctl(machine.run(SYSCTL))
    if found is None or not (found.chip and found.model):
        found = macos.parse_hardware(machine.run(SYSTEM_PROFILER, PROBE_S)) or found
    if found is None:
        return _fastfetch(machine)
    hypervisor = "Apple" if found.virtual else None
    return Identity(cpu=found.chip, host=found.model, hypervisor=hypervisor)


def _windows(machine: Probe) -> Identity:
    pc = windows_pc(machine)
    return Identity(cpu=pc.cpu, cpu_vendor=pc.cpu_vendor, host=pc.host, hypervisor=pc.hypervisor)
