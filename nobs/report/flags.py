"""Flags: conditions during the run that may have influenced a figure. They never stop a run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nobs.report.caps import find_ineffective_caps
from nobs.report.definitions import fits
from nobs.report.limits import describe_change
from nobs.schema.enums import Execution
from nobs.schema.flags import Flag, FlagName
from nobs.schema.report import FindingKind, ModelReport
from nobs.schema.result import Sample
from nobs.schema.telemetry import DeviceTelemetry, SystemTelemetry, Telemetry, Throttling
from nobs.tasks.base import TaskDefinition
from nobs.units import format_share

HEAT = frozenset(
    {"software-thermal", "hardware-thermal", "hardware-slowdown", "power-brake", "thermal",
     "memory-thermal", "regulator-thermal", "processor-hot"}
)  # fmt: skip
"""Throttle reasons and counters that mean heat or a power brake, not just the power limit."""
UNKNOWN = frozenset({"power-or-heat"})
POWER = frozenset({"software-power-cap", "power", "board-limit"})
MIN_HEAT_SHARE = 0.01
MIN_POWER_SHARE = 0.05
MIN_SWAPPED_BYTES = 1 << 20


def with_flags(model: ModelReport, task: TaskDefinition) -> ModelReport:
    """Return `model` with its flags: those of the machine, then those of its task."""
    own = task.find_flags(model) if fits(task, model) else ()
    return model.model_copy(update={"flags": (*find_flags(model), *own)})


def find_flags(model: ModelReport) -> Iterator[Flag]:
    """Yield the flags of the machine's state while `model` was measured."""
    if model.telemetry is not None:
        for device in model.telemetry.devices:
            yield from _device_flags(device, model.telemetry.span_s)
        yield from _system_flags(model.telemetry.system)
        yield from find_ineffective_caps(model.telemetry, model.samples)
        yield from _change_flags(model.telemetry, len(model.samples))
    if random := model.weights and model.weights.random:
        yield Flag.warning(
            FlagName.RANDOM_WEIGHTS,
            f"The weights were random (seed {random.seed}), so the output means nothing; "
            f"tokenizer: {random.tokenizer}.",
        )
    for finding in model.verdict.findings if model.verdict else ():
        if finding.kind is FindingKind.FOREIGN_CPU:
            clause = describe_foreign_cpu(finding.value, model.samples)
            yield Flag.warning(FlagName.FOREIGN_CPU, f"O{clause[1:]}.")
        if finding.kind is FindingKind.STOLEN_CPU:
            share = format_share(finding.value)
            yield Flag.warning(
                FlagName.STOLEN_CPU,
                f"The hypervisor gave {share} of the CPU time to other machines.",
            )


def _device_flags(device: DeviceTelemetry, span_s: float) -> Iterator[Flag]:
    if heat := find_heat(device, span_s):
        yield Flag.warning(
            FlagName.THROTTLED,
            f"{device.name} was throttled for {format_share(heat[1])} of the time ({heat[0]}).",
        )
    unknown = _strongest(device.throttling, UNKNOWN, span_s)
    if unknown and unknown[1] >= MIN_POWER_SHARE:
        yield Flag.note(
            FlagName.THROTTLED,
            f"{device.name} was limited by power or temperature for {format_share(unknown[1])} of"
            " the time; the driver doesn't report which.",
        )
    yield from _power_flags(device, _strongest(device.throttling, POWER, span_s))
    yield from _link_flags(device)
    others = device.foreign_processes.value
    if others:
        yield Flag.warning(
            FlagName.FOREIGN_PROCESS,
            f"{others:.0f} other process{'es' if others > 1 else ''} used {device.name}.",
        )


def find_heat(device: DeviceTelemetry, span_s: float) -> tuple[str, float] | None:
    """Return the reason for throttling and its share of the time; None without throttling."""
    heat = _strongest(device.throttling, HEAT, span_s)
    return heat if heat and heat[1] >= MIN_HEAT_SHARE else None


def describe_foreign_cpu(cores: float, samples: Sequence[Sample]) -> str:
    """Return a clause that says how many cores other processes kept busy, and when."""
    # Inside a container the server's processes can't be distinguished from others.
    is_during = any(sample.foreign_cpu_s is not None for sample in samples)
    when = "" if is_during else " before the repeats, while the server was idle"
    return f"other processes kept {cores:.1f} CPU cores busy{when}"


def _power_flags(device: DeviceTelemetry, capped: tuple[str, float] | None) -> Iterator[Flag]:
    limit, default = device.power_limit_w.value, device.default_power_limit_w.value
    if limit and default and limit < default:
        yield Flag.warning(
            FlagName.POWER_CAPPED,
            f"{device.name} is limited to {limit:.0f} W; the default is {default:.0f} W.",
        )
    elif capped and capped[1] >= MIN_POWER_SHARE:
        yield Flag.note(
            FlagName.POWER_CAPPED,
            f"{device.name} ran at its power limit for {format_share(capped[1])} of the time.",
        )


def _link_flags(device: DeviceTelemetry) -> Iterator[Flag]:
    width, most = device.pcie_width_min.value, device.max_pcie_width.value
    if width and most and width < most:
        yield Flag.warning(
            FlagName.NARROW_LINK,
            f"The PCIe link of {device.name} had {width:.0f} lanes under load; card and slot"
            f" support {most:.0f}.",
        )
    generation, newest = device.pcie_generation_min.value, device.max_pcie_generation.value
    if generation and newest and generation < newest:
        yield Flag.warning(
            FlagName.NARROW_LINK,
            f"The PCIe link of {device.name} ran at generation {generation:.0f} under load; card"
            f" and slot support {newest:.0f}.",
        )


def _change_flags(telemetry: Telemetry, repeats: int) -> Iterator[Flag]:
    for change in telemetry.limit_changes:
        text = describe_change(change)
        first, last = change.first_repeat, change.last_repeat
        when = f"in repeat {first}" if first == last else f"in repeats {first} to {last}"
        yield Flag.warning(FlagName.LIMIT_CHANGED, f"The {text} {when} of {max(repeats, last)}.")


def _strongest(
    throttling: Throttling, names: frozenset[str], span_s: float
) -> tuple[str, float] | None:
    """Return the reason with the largest share of the time, and that share."""
    shares = dict(throttling.shares)
    for name, seconds in throttling.seconds.items():
        shares[name] = max(shares.get(name, 0.0), min(1.0, seconds / span_s))
    found = [(name, share) for name, share in shares.items() if name in names]
    return max(found, key=lambda pair: pair[1], default=None)


def _system_flags(system: SystemTelemetry | None) -> Iterator[Flag]:
    swapped = system.swapped_bytes.value if system else None
    if swapped and swapped >= MIN_SWAPPED_BYTES:
        yield Flag.warning(
            FlagName.SWAPPING,
            f"The machine swapped {swapped / (1 << 20):.0f} MiB during the repeats.",
        )


def find_machine_flags(host: Mapping[str, Any], execution: Execution) -> Iterator[Flag]:
    """Yield the flags of a whole run that follow from `environment.host`."""
    if host.get("on_battery"):
        yield Flag.warning(FlagName.ON_BATTERY, "The machine ran on battery.")
    quota, cores = host.get("cpu_limit_cores"), host.get("logical_cores")
    if isinstance(quota, int | float) and isinstance(cores, int) and quota < cores:
        yield Flag.warning(
            FlagName.CPU_QUOTA, f"The cgroup limits the run to {quota:g} of {cores} CPU cores."
        )
    governor = host.get("cpu_governor")
    if governor not in (None, "performance"):
        yield Flag.note(
            FlagName.GOVERNOR, f"The CPU frequency governor was {governor}, not performance."
        )
    if host.get("cpu_turbo") is False:
        yield Flag.note(FlagName.TURBO_OFF, "CPU turbo was off.")
    if hypervisor := host.get("hypervisor"):
        maker = "" if hypervisor == "unknown" else f" ({hypervisor})"
        yield Flag.note(FlagName.VIRTUAL_MACHINE, f"The machine is a virtual machine{maker}.")
    runtime = host.get("container_runtime")
    if runtime or execution is Execution.CONTAINER:
        name = "" if runtime in (None, "unknown") else f" ({runtime})"
        yield Flag.note(FlagName.CONTAINER, f"The run was in a container{name}.")
