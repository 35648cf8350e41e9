"""Names of the processor and of the machine, from several sources."""

from collections.abc import Iterable

from nobs.system.accelerators import SYSTEM_PROFILER
from nobs.system.parsers import fastfetch, linux, macos, windows
from nobs.system.parsers.names import Identity, host_name, known, unnamed_cpu
from nobs.system.probe import PROBE_S, Probe

SYSCTL = ("sysctl", "machdep.cpu.brand_string", "hw.model", "kern.hv_vmm_present")
_DMI = "/sys/class/dmi/id"
_DEVICE_TREE_MODEL = "/proc/device-tree/model"


def identify(machine: Probe) -> Identity:
    """Merge the platform's sources, the best one first."""
    found: tuple[Identity | None, ...]
    match machine.system:
        case "Darwin":
            found = (_mac(machine),)
        case "Windows":
            found = (_fastfetch(machine), windows_pc(machine))
        case _:
            found = (
                _fastfetch(machine),
                linux.parse_lscpu(machine.run(("lscpu",))),
                linux.parse_cpuinfo(machine.read("/proc/cpuinfo")),
                _linux_host(machine),
            )
    sources = [source for source in found if source]
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


def _fastfetch(machine: Probe) -> Identity | None:
    return fastfetch.parse_fastfetch(machine.run(fastfetch.QUERY))


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


def _mac(machine: Probe) -> Identity | None:
    found = macos.parse_sysctl(machine.run(SYSCTL))
    if found is None or not (found.cpu and found.host):
        found = macos.parse_hardware(machine.run(SYSTEM_PROFILER, PROBE_S)) or found
    return found or _fastfetch(machine)
