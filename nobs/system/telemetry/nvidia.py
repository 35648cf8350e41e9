"""NVIDIA GPUs through NVML."""

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

from nobs.catalog.devices import is_mig_instance, is_slice
from nobs.schema.enums import Backend
from nobs.schema.telemetry import DeviceKind
from nobs.system.numa import find_node_of
from nobs.system.nvml import load
from nobs.system.probe import LocalMachine, Probe
from nobs.system.telemetry.reader import (
    Channel,
    Reader,
    Target,
    read_facts,
    silent,
    try_channels,
)

VENDOR = "nvidia"
REASONS = {
    0x1: "idle",
    0x2: "application-clocks",
    0x4: "software-power-cap",
    0x8: "hardware-slowdown",
    0x10: "sync-boost",
    0x20: "software-thermal",
    0x40: "hardware-thermal",
    0x80: "power-brake",
    0x100: "display-clocks",
}
COMPUTE_MODES = {0: "default", 2: "prohibited", 3: "exclusive-process"}
_OF_THE_WHOLE = ("energy_j", "power_w")
_LIMITS = ("power_limit_w", "set_clock_hz", "compute_mode", "persistence_mode", "ecc")
"""Facts that can change at any time."""
_POLICIES = {"power": 0, "thermal": 1, "sync-boost": 2, "board-limit": 3, "reliability": 5}
"""Violation counters (`nvmlPerfPolicyType_t`)."""


def find(
    target: Target,
    nvml: Any = None,  # noqa: ANN401  pynvml has no types
    machine: Probe | None = None,
) -> list[Reader]:
    """Return the GPU of `target`, or every GPU if it names none."""
    if target.backend is not Backend.CUDA:
        return []
    library = nvml or load()
    if library is None:
        return [_silent("nvidia-ml-py is not installed")]
    try:
        library.nvmlInit()
        handles = _handles(library, target)
        if not handles:
            return [_silent(f"NVML doesn't know {target.name or 'the GPU'} that torch uses")]
        return [_reader(library, handle, machine or LocalMachine()) for handle in handles]
    except library.NVMLError as error:
        return [_silent(f"NVML: {error}")]


def _silent(reason: str) -> Reader:
    return silent(VENDOR, "NVIDIA GPU", DeviceKind.GPU, reason)


def _handles(nvml: Any, target: Target) -> list[Any]:  # noqa: ANN401
    """Return the device of `target`: NVML numbers all GPUs of the machine, torch those it sees."""
    if not (target.name or target.uuid or target.pci):
        return [nvml.nvmlDeviceGetHandleByIndex(n) for n in range(nvml.nvmlDeviceGetCount())]
    # The address of a MIG instance is that of the whole GPU, whose power isn't the instance's.
    is_whole = not is_mig_instance(target.name or "")
    ways = (
        (nvml.nvmlDeviceGetHandleByUUID, target.uuid),
        (nvml.nvmlDeviceGetHandleByPciBusId, target.pci if is_whole else None),
    )
    for find_handle, address in ways:
        if address:
            with contextlib.suppress(nvml.NVMLError):
                return [find_handle(address)]
    return []


def _reader(nvml: Any, gpu: Any, machine: Probe) -> Reader:  # noqa: ANN401
    errors = (nvml.NVMLError,)
    name = read_facts({"name": partial(nvml.nvmlDeviceGetName, gpu)}, errors).get("name")
    live, absent = try_channels(_channels(nvml, gpu), errors)
    if is_slice(name or ""):
        live = {channel: live[channel] for channel in live if channel not in _OF_THE_WHOLE}
        absent |= dict.fromkeys(_OF_THE_WHOLE, "power is the whole GPU's, this is a slice of it")
    totals, _ = try_channels(_violations(nvml, gpu), errors)
    facts = _facts(nvml, gpu, machine)
    return Reader(
        vendor=VENDOR,
        name=name or "NVIDIA GPU",
        kind=DeviceKind.GPU,
        channels=live,
        totals=totals,
        absent=absent,
        throttle_reasons=REASONS,
        processes=lambda: {
            process.pid for process in nvml.nvmlDeviceGetComputeRunningProcesses(gpu)
        },
        facts=read_facts(facts, errors),
        limits=lambda: read_facts({name: facts[name] for name in _LIMITS}, errors),
        errors=errors,
        close=nvml.nvmlShutdown,
    )


def _channels(nvml: Any, gpu: Any) -> dict[str, Channel]:  # noqa: ANN401
    clock = partial(nvml.nvmlDeviceGetClockInfo, gpu)
    sensor = partial(nvml.nvmlDeviceGetTemperature, gpu, nvml.NVML_TEMPERATURE_GPU)
    reads: dict[str, tuple[str, Callable[[], float]]] = {
        "energy_j": (
            "NVML's energy counter",
            lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(gpu) / 1e3,
        ),
        "power_w": ("NVML's power sensor", lambda: nvml.nvmlDeviceGetPowerUsage(gpu) / 1e3),
        "utilisation": (
            "NVML: share of time with a kernel running",
            lambda: nvml.nvmlDeviceGetUtilizationRates(gpu).gpu / 100,
        ),
        "memory_bytes": (
            "NVML: memory in use by all processes",
            lambda: float(nvml.nvmlDeviceGetMemoryInfo(gpu).used),
        ),
        "clock_hz": ("NVML's SM clock", lambda: clock(nvml.NVML_CLOCK_SM) * 1e6),
        "memory_clock_hz": ("NVML's memory clock", lambda: clock(nvml.NVML_CLOCK_MEM) * 1e6),
        "temperature_c": ("NVML's GPU sensor", lambda: float(sensor())),
        # The newer name of this call is unknown to drivers before 535.
        "throttle": (
            "NVML's throttle reasons",
            lambda: float(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu)),
        ),
        "pcie_generation": (
            "NVML's PCIe link",
            lambda: float(nvml.nvmlDeviceGetCurrPcieLinkGeneration(gpu)),
        ),
        "pcie_width": ("NVML's PCIe link", lambda: float(nvml.nvmlDeviceGetCurrPcieLinkWidth(gpu))),
    }
    return {name: Channel(how=how, read=read) for name, (how, read) in reads.items()}


def _violations(nvml: Any, gpu: Any) -> dict[str, Channel]:  # noqa: ANN401
    def seconds(policy: int) -> float:
        return float(nvml.nvmlDeviceGetViolationStatus(gpu, policy).violationTime) / 1e9

    return {
        name: Channel(how="NVML's violation time", read=partial(seconds, policy))
        for name, policy in _POLICIES.items()
    }


def _facts(nvml: Any, gpu: Any, machine: Probe) -> dict[str, Callable[[], Any]]:  # noqa: ANN401
    limit, default = (
        nvml.nvmlDeviceGetEnforcedPowerLimit,
        nvml.nvmlDeviceGetPowerManagementDefaultLimit,
    )
    maximum = partial(nvml.nvmlDeviceGetMaxClockInfo, gpu)
    return {
        "driver": nvml.nvmlSystemGetDriverVersion,
        "firmware": partial(nvml.nvmlDeviceGetVbiosVersion, gpu),
        "power_limit_w": lambda: limit(gpu) / 1e3,
        "default_power_limit_w": lambda: default(gpu) / 1e3,
        "max_clock_hz": lambda: maximum(nvml.NVML_CLOCK_SM) * 1e6,
        # Below the maximum if someone set it; a clock that was locked can't be read.
        "set_clock_hz": lambda: nvml.nvmlDeviceGetApplicationsClock(gpu, nvml.NVML_CLOCK_SM) * 1e6,
        "default_set_clock_hz": lambda: (
            nvml.nvmlDeviceGetDefaultApplicationsClock(gpu, nvml.NVML_CLOCK_SM) * 1e6
        ),
        "max_memory_clock_hz": lambda: maximum(nvml.NVML_CLOCK_MEM) * 1e6,
        # Of card and slot together.
        "max_pcie_generation": partial(nvml.nvmlDeviceGetMaxPcieLinkGeneration, gpu),
        "max_pcie_width": partial(nvml.nvmlDeviceGetMaxPcieLinkWidth, gpu),
        "compute_mode": lambda: COMPUTE_MODES.get(nvml.nvmlDeviceGetComputeMode(gpu), "unknown"),
        "persistence_mode": lambda: bool(nvml.nvmlDeviceGetPersistenceMode(gpu)),
        "ecc": lambda: bool(nvml.nvmlDeviceGetEccMode(gpu)[0]),
        "numa_node": lambda: find_node_of(machine, _pci_of(nvml, gpu)),
    }


def _pci_of(nvml: Any, gpu: Any) -> str:  # noqa: ANN401
    """Return the address as sysfs writes it: with four digits of the domain instead of eight."""
    address = nvml.nvmlDeviceGetPciInfo(gpu).busId
    text = address.decode(errors="replace") if isinstance(address, bytes) else str(address)
    return text[-len("0000:c1:00.0") :]
