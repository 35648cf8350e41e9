"""Limits in force during a run: machines that differ in them aren't the same machine."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from nobs.schema.report import Report
from nobs.schema.telemetry import DeviceTelemetry, Evidence, LimitChange
from nobs.text import to_line

HOST = "system"
"""Name of the host's reader."""
_PLACES = {
    "numa_cpu_nodes": "CPUs of NUMA node",
    "numa_memory_nodes": "memory of NUMA node",
    "numa_policy": "memory policy",
}


def limits_of(report: Report) -> tuple[str, ...]:
    """Return the limits of the host and its devices, as in `power limit 450 W`, each once."""
    sensors = [model.telemetry for model in report.models if model.telemetry]
    host = report.environment.get("host")
    found = [
        *_of_host(host if isinstance(host, Mapping) else {}),
        *(limit for each in sensors for device in each.devices for limit in _of_device(device)),
        *(limit for card in _cards(report.environment) for limit in _of_card(card)),
        *_nodes_of_cards(report.environment),
        *(describe_change(change) for each in sensors for change in each.limit_changes),
    ]
    return tuple(dict.fromkeys(map(to_line, found)))


def only_of(own: Collection[str], kinds: Iterable[Collection[str]]) -> str:
    """Return the limits of `own` that not all kinds have; empty if there is just one kind."""
    sets = [set(kind) for kind in kinds]
    if all(kind == sets[0] for kind in sets):
        return ""
    common = set.intersection(*sets)
    return ", ".join(limit for limit in own if limit not in common) or "no limit"


def describe_change(change: LimitChange) -> str:
    """Return what changed, as in `power limit of A GPU changed from 450 W to 300 W`."""
    name, show = _CHANGING.get(change.limit, (change.limit, str))
    whose = "" if change.device == HOST else f" of {change.device}"
    before, after = (
        "none" if value is None else show(value) for value in (change.before, change.after)
    )
    return f"{name}{whose} changed from {before} to {after}"


def _megahertz(value: object) -> str:
    return f"{value / 1e6:.0f} MHz" if isinstance(value, int | float) else str(value)


def _watts(value: object) -> str:
    return f"{value:.0f} W" if isinstance(value, int | float) else str(value)


def _count(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _switch(value: object) -> str:
    return "on" if value else "off"


_CHANGING: Mapping[str, tuple[str, Callable[[object], str]]] = {
    "power_limit_w": ("power limit", _watts),
    "set_clock_hz": ("set clock", _megahertz),
    "performance_level": ("performance level", str),
    "compute_mode": ("compute mode", str),
    "persistence_mode": ("persistence mode", _switch),
    "ecc": ("ECC", _switch),
    "cpu_limit_cores": ("CPU quota in cores", _count),
    "affinity_cores": ("hardware threads by affinity", _count),
    "cpu_governor": ("CPU governor", str),
    "cpu_turbo": ("CPU turbo", _switch),
    "cpu_max_hz": ("highest CPU clock", _megahertz),
    "numa_cpu_nodes": ("NUMA nodes of the CPUs", str),
    "numa_memory_nodes": ("NUMA nodes of the memory", str),
}


def _of_host(host: Mapping[str, object]) -> Iterator[str]:
    quota, cores = host.get("cpu_limit_cores"), host.get("affinity_cores")
    if isinstance(quota, int | float):
        yield f"{quota:g} CPU cores by the cgroup"
    if isinstance(cores, int) and cores != host.get("logical_cores"):
        yield f"{cores} hardware threads by affinity"
    for name, what in _PLACES.items():
        if nodes := host.get(name):
            yield f"{what} {nodes}"
    clock, most = host.get("cpu_max_hz"), host.get("cpu_hardware_max_hz")
    if isinstance(clock, int | float) and isinstance(most, int | float) and clock < most:
        yield f"CPU clock up to {clock / 1e6:.0f} MHz"
    if governor := host.get("cpu_governor"):
        yield f"governor {governor}"
    if host.get("cpu_turbo") is False:
        yield "turbo off"


def describe_other_limits(baseline: Report, other: Report) -> str | None:
    """Return a warning if the limits in force differ; None if they don't."""
    one, two = limits_of(baseline), limits_of(other)
    only = [
        ", ".join(limit for limit in these if limit not in those) or "none of these"
        for these, those in ((one, two), (two, one))
    ]
    if set(one) == set(two):
        return None
    return f"other limits in force, so the ratio isn't that of the hardware: {' -> '.join(only)}"


def _cards(environment: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the facts of the GPUs; reports of others can contain anything."""
    cards = environment.get("devices")
    if isinstance(cards, list | tuple):
        yield from (card for card in cards if isinstance(card, Mapping))


def _nodes_of_cards(environment: Mapping[str, Any]) -> Iterator[str]:
    """Yield the nodes that the GPUs are on, if the machine has several."""
    host = environment.get("host")
    nodes = host.get("numa_nodes") if isinstance(host, Mapping) else None
    if isinstance(nodes, str) and not nodes.isdecimal():
        for card in _cards(environment):
            if isinstance(node := card.get("numa_node"), int):
                yield f"GPU on NUMA node {node}"


def _of_card(card: Mapping[str, Any]) -> Iterator[str]:
    clock, usual = card.get("set_clock_hz"), card.get("default_set_clock_hz")
    if isinstance(clock, int | float) and clock != usual:
        yield f"clock set to {clock / 1e6:.0f} MHz"
    if (level := card.get("performance_level")) not in (None, "auto"):
        yield f"performance level {level}"
    if (mode := card.get("compute_mode")) not in (None, "default"):
        yield f"compute mode {mode}"
    if isinstance(is_persistent := card.get("persistence_mode"), bool):
        yield f"persistence mode {'on' if is_persistent else 'off'}"
    if isinstance(has_ecc := card.get("ecc"), bool):
        yield f"ECC {'on' if has_ecc else 'off'}"


def _of_device(device: DeviceTelemetry) -> Iterator[str]:
    if device.power_limit_w.value:
        yield f"power limit {device.power_limit_w.value:.0f} W"
    clock = device.clock_limit_hz
    # A limit that the driver reports is one of the facts of the card, or of the host.
    if clock.value and clock.evidence is Evidence.ESTIMATED:
        yield f"clock held at {clock.value / 1e6:.0f} MHz"
    if link := link_of(device):
        yield "PCIe {:.0f} x{:.0f}".format(*link)


def link_of(device: DeviceTelemetry) -> tuple[float, float] | None:
    """Return generation and lanes of a PCIe link under load; None if no sensor saw it."""
    generation, width = device.pcie_generation_min.value, device.pcie_width_min.value
    return (generation, width) if generation and width else None


def link_rate(link: tuple[float, float]) -> float:
    """Return a rate for comparing links: a generation doubles that of a lane."""
    generation, width = link
    return float(2**generation * width)
