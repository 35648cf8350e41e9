"""NUMA placement: where a process may run and allocate, and which node a device is on."""

from dataclasses import dataclass

from nobs.system.parsers.values import integer, key_values
from nobs.system.probe import Probe

_NODES = "/sys/devices/system/node"
_STATUS = "/proc/self/status"
_MAPS = "/proc/self/numa_maps"
_DEVICES = "/sys/bus/pci/devices"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The nodes that a process is confined to; None where it isn't, or where that is unknown."""

    cpu_nodes: str | None = None
    """Nodes whose CPUs it may use, as in `0`."""
    memory_nodes: str | None = None
    """Nodes that its cpuset lets it allocate from."""


def find_placement(machine: Probe) -> Placement:
    """Return the nodes that this process is confined to."""
    status = key_values(machine.read(_STATUS), ":")
    cpus = parse_list(status.get("Cpus_allowed_list"))
    memory = parse_list(status.get("Mems_allowed_list"))
    with_cpus, with_memory = (
        parse_list(machine.read(f"{_NODES}/{name}")) for name in ("has_cpu", "has_memory")
    )
    held = {n for n in with_cpus if cpus & parse_list(machine.read(f"{_NODES}/node{n}/cpulist"))}
    return Placement(
        cpu_nodes=_unless_all(held, with_cpus),
        memory_nodes=_unless_all(memory & with_memory, with_memory),
    )


def find_policy(machine: Probe) -> str | None:
    """Return the memory policy of this process, as in `bind:0` (numactl); None by default.

    The kernel walks all mappings for it: ask before a model is loaded.
    """
    # The policy of the first mapping is that of the process.
    words = (machine.read(_MAPS) or "").partition("\n")[0].split()
    return words[1] if len(words) > 1 and words[1] not in ("default", "local") else None


def find_node_of(machine: Probe, pci: str) -> int | None:
    """Return the node of a device, as in `0000:c1:00.0`; None where the firmware names none."""
    node = integer(machine.read(f"{_DEVICES}/{pci.lower()}/numa_node"))
    return node if node is not None and node >= 0 else None


def parse_list(text: str | None) -> frozenset[int]:
    """Return the numbers of the kernel's lists, as in `0-3,8`; empty if it can't be read."""
    found: set[int] = set()
    for part in (text or "").strip().split(","):
        low, _, high = part.partition("-")
        first, last = integer(low), integer(high or low)
        if first is not None and last is not None and 0 <= last - first < 1 << 16:
            found.update(range(first, last + 1))
    return frozenset(found)


def _unless_all(held: set[int] | frozenset[int], every: frozenset[int]) -> str | None:
    return ",".join(map(str, sorted(held))) if held and held != every else None
