"""AMD GPUs through AMD SMI, which comes with ROCm."""

import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from nobs.schema.enums import Backend
from nobs.schema.telemetry import DeviceKind
from nobs.system.numa import find_node_of
from nobs.system.probe import LocalMachine
from nobs.system.telemetry.reader import (
    Channel,
    Reader,
    Target,
    read_facts,
    silent,
    try_channels,
)

VENDOR = "amd"
REASONS = {1: "power-or-heat"}
_UNKNOWN_W = 0xFFFF
_LIMITS = ("power_limit_w", "set_clock_hz", "performance_level")
"""Facts that can change at any time."""
_LIMITING_LEVELS = ("manual", "determinism")
"""Performance levels in which a user limits the clocks."""
_RESIDENCIES = {
    "power": "ppt_residency_acc",
    "thermal": "socket_thm_residency_acc",
    "memory-thermal": "hbm_thm_residency_acc",
    "regulator-thermal": "vr_thm_residency_acc",
    "processor-hot": "prochot_residency_acc",
    "reference": "accumulation_counter",
}


def find(target: Target, smi: Any = None) -> list[Reader]:  # noqa: ANN401  amdsmi has no types
    """Return the GPU of `target`, or every GPU if it names none."""
    if target.backend is not Backend.ROCM:
        return []
    library = smi or _load()
    if library is None:
        return [_silent("amdsmi or ROCm's libamd_smi.so is not installed")]
    try:
        library.amdsmi_init()
        handles = _handles(library, target)
        if not handles:
            return [_silent(f"AMD SMI lists no GPU at {target.pci or 'any address'}")]
        return [_reader(library, gpu) for gpu in handles]
    except library.AmdSmiException as error:
        return [_silent(f"AMD SMI: {error}")]


def _load() -> Any:  # noqa: ANN401
    """Import amdsmi; None without it or without the library that it binds."""
    try:
        import amdsmi  # noqa: PLC0415  optional
    except (ImportError, OSError, KeyError, AttributeError):
        return None
    return amdsmi


def _silent(reason: str) -> Reader:
    return silent(VENDOR, "AMD GPU", DeviceKind.GPU, reason)


def _handles(smi: Any, target: Target) -> list[Any]:  # noqa: ANN401
    gpus = list(smi.amdsmi_get_processor_handles())
    if not target.pci:
        return gpus
    return [gpu for gpu in gpus if smi.amdsmi_get_gpu_device_bdf(gpu).lower() == target.pci]


def _reader(smi: Any, gpu: Any) -> Reader:  # noqa: ANN401
    # A missing value reads "N/A", or its key is missing in another version of the library.
    errors = (smi.AmdSmiException, ValueError, TypeError, KeyError)
    live, absent = try_channels(_channels(smi, gpu), errors)
    totals, _ = try_channels(_residencies(smi, gpu), errors)
    facts = _facts(smi, gpu)
    named = read_facts({"name": lambda: smi.amdsmi_get_gpu_asic_info(gpu)["market_name"]}, errors)
    return Reader(
        vendor=VENDOR,
        name=named.get("name") or "AMD GPU",
        kind=DeviceKind.GPU,
        channels=live,
        totals=totals,
        absent=absent,
        throttle_reasons=REASONS,
        processes=lambda: {process["pid"] for process in smi.amdsmi_get_gpu_process_list(gpu)},
        facts=read_facts(facts, errors),
        limits=lambda: read_facts({name: facts[name] for name in _LIMITS}, errors),
        errors=errors,
        close=partial(_close, smi),
    )


def _channels(smi: Any, gpu: Any) -> dict[str, Channel]:  # noqa: ANN401
    clock = partial(smi.amdsmi_get_clock_info, gpu)
    kinds = smi.AmdSmiClkType
    temperature = partial(
        smi.amdsmi_get_temp_metric,
        gpu,
        smi.AmdSmiTemperatureType.HOTSPOT,
        smi.AmdSmiTemperatureMetric.CURRENT,
    )
    reads: dict[str, tuple[str, Callable[[], float]]] = {
        "energy_j": (
            "AMD SMI's energy counter",
            lambda: _joules(smi.amdsmi_get_energy_count(gpu)),
        ),
        "power_w": ("AMD SMI's socket power", lambda: _watts(smi.amdsmi_get_power_info(gpu))),
        "utilisation": (
            "AMD SMI's graphics activity",
            lambda: float(smi.amdsmi_get_gpu_activity(gpu)["gfx_activity"]) / 100,
        ),
        "memory_bytes": (
            "AMD SMI: memory in use by all processes",
            lambda: float(smi.amdsmi_get_gpu_vram_usage(gpu)["vram_used"]) * 1024**2,
        ),
        "clock_hz": ("AMD SMI's graphics clock", lambda: float(clock(kinds.GFX)["clk"]) * 1e6),
        "memory_clock_hz": ("AMD SMI's memory clock", lambda: float(clock(kinds.MEM)["clk"]) * 1e6),
        "temperature_c": ("AMD SMI's hot spot", lambda: float(temperature())),
        "throttle": (
            "AMD SMI's throttle status",
            lambda: float(smi.amdsmi_get_gpu_metrics_info(gpu)["indep_throttle_status"]),
        ),
    }
    return {name: Channel(how=how, read=read) for name, (how, read) in reads.items()}


def _residencies(smi: Any, gpu: Any) -> dict[str, Channel]:  # noqa: ANN401
    def count(key: str) -> float:
        return float(smi.amdsmi_get_gpu_metrics_info(gpu)[key])

    return {
        name: Channel(how="AMD SMI's residency counters", read=partial(count, key))
        for name, key in _RESIDENCIES.items()
    }


def _facts(smi: Any, gpu: Any) -> dict[str, Callable[[], Any]]:  # noqa: ANN401
    def cap_w(key: str) -> float:
        return float(smi.amdsmi_get_power_cap_info(gpu)[key]) / 1e6

    def level() -> str:
        name = str(smi.amdsmi_get_gpu_perf_level(gpu))
        return name.removeprefix("AMDSMI_DEV_PERF_LEVEL_").lower()

    def highest_hz() -> float:
        return float(smi.amdsmi_get_clock_info(gpu, smi.AmdSmiClkType.GFX)["max_clk"]) * 1e6

    return {
        "driver": lambda: smi.amdsmi_get_gpu_driver_info(gpu)["driver_version"],
        "firmware": lambda: smi.amdsmi_get_gpu_vbios_info(gpu)["version"],
        "power_limit_w": partial(cap_w, "power_cap"),
        "default_power_limit_w": partial(cap_w, "default_power_cap"),
        "set_clock_hz": highest_hz,
        # By default, cards of some generations run above the highest clock that they report.
        "clock_limit_hz": lambda: highest_hz() if level() in _LIMITING_LEVELS else None,
        "performance_level": level,
        "numa_node": lambda: find_node_of(LocalMachine(), smi.amdsmi_get_gpu_device_bdf(gpu)),
    }


def _joules(count: Mapping[str, float]) -> float:
    """Return joules; the counter's resolution is in microjoules."""
    ticks = count["energy_accumulator"] if "energy_accumulator" in count else count["power"]
    return ticks * count["counter_resolution"] / 1e6


def _watts(info: Mapping[str, Any]) -> float:
    """Return the socket's power; which key has it depends on the GPU's generation."""
    keys = ("current_socket_power", "average_socket_power", "socket_power")
    numbers = [info[key] for key in keys if isinstance(info.get(key), int | float)]
    known = [watts for watts in numbers if watts < _UNKNOWN_W]
    if not known:
        raise ValueError("not reported")
    return float(known[0])


def _close(smi: Any) -> None:  # noqa: ANN401
    with contextlib.suppress(smi.AmdSmiException):
        smi.amdsmi_shut_down()
