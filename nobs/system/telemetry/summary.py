"""From samples to figures: pure functions over what the readers measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan
from statistics import fmean, median

from nobs.schema.telemetry import (
    DeviceKind,
    DeviceTelemetry,
    Evidence,
    Figure,
    PartOfDevice,
    SystemTelemetry,
    Telemetry,
    TelemetryPart,
)
from nobs.system.telemetry.clock_limit import find_clock_limit
from nobs.system.telemetry.sampler import INTERVAL_S, Track
from nobs.system.telemetry.series import Series, clip, integral, slopes
from nobs.system.telemetry.throttling import find_throttling, growth, shares_of

BUSY_SHARE = 0.5
"""Utilisation from which a device counts as busy."""
SHORTEST_S = 1.0
"""In a shorter region energy is an estimate."""


@dataclass(frozen=True, kw_only=True)
class Region:
    """When the repeats ran, on the monotonic clock."""

    start_s: float
    end_s: float
    timed_s: float

    @property
    def span_s(self) -> float:
        """Seconds from the start of the first repeat to the end of the last."""
        return self.end_s - self.start_s


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One device before and during the repeats."""

    track: Track
    idle: Track | None = None
    foreign: int | str
    """How many processes of others use the device, or why that is not known."""


def summarise(
    watched: Sequence[Watched],
    region: Region,
    *,
    baseline_s: float,
    interval_s: float = INTERVAL_S,
) -> Telemetry:
    """Return the figures of the region."""
    devices = [one for one in watched if one.track.reader.kind is not DeviceKind.SYSTEM]
    systems = [one for one in watched if one.track.reader.kind is DeviceKind.SYSTEM]
    times = devices[0].track.times if devices else ()
    return Telemetry(
        interval_s=interval_s,
        samples=sum(region.start_s <= time <= region.end_s for time in times),
        span_s=region.span_s,
        timed_s=region.timed_s,
        baseline_s=baseline_s,
        devices=tuple(_device(one, region) for one in devices),
        system=_system(systems[0].track, region) if systems else None,
    )


def summarise_parts(
    watched: Sequence[Watched], region: Region, count: int
) -> tuple[TelemetryPart, ...]:
    """Return the figures of `count` parts of equal length, without those of the system."""
    length_s = region.span_s / max(1, count)
    devices = [one for one in watched if one.track.reader.kind is not DeviceKind.SYSTEM]
    parts = []
    for number in range(count):
        start_s = region.start_s + number * length_s
        part = Region(start_s=start_s, end_s=start_s + length_s, timed_s=length_s)
        parts.append(
            TelemetryPart(
                start_s=number * length_s,
                end_s=(number + 1) * length_s,
                devices=tuple(_part_of_device(one.track, part) for one in devices),
            )
        )
    return tuple(parts)


def _part_of_device(track: Track, region: Region) -> PartOfDevice:
    energy = _counted(track, region) or _integrated(track, region)
    return PartOfDevice(
        name=track.reader.name,
        clock_median_hz=_statistic(track, "clock_hz", region, median).value,
        temperature_max_c=_statistic(track, "temperature_c", region, max).value,
        mean_power_w=_scaled(energy, 1 / region.span_s).value,
        throttling=shares_of(track, _inside(track.series("throttle"), region)),
    )


def _device(watched: Watched, region: Region) -> DeviceTelemetry:
    track, reader = watched.track, watched.track.reader
    integrated = _integrated(track, region)
    energy = _counted(track, region) or integrated
    idle = _idle_power(watched)
    return DeviceTelemetry(
        name=reader.name,
        kind=reader.kind,
        reader=reader.vendor,
        idle_power_w=idle,
        mean_power_w=_scaled(energy, 1 / region.span_s),
        peak_power_w=_peak_power(track, region),
        energy_j=energy,
        integrated_energy_j=integrated,
        net_energy_j=_net(energy, idle, region.span_s),
        utilisation=_statistic(track, "utilisation", region, fmean),
        memory_peak_bytes=_statistic(track, "memory_bytes", region, max),
        clock_min_hz=_statistic(track, "clock_hz", region, min),
        clock_median_hz=_statistic(track, "clock_hz", region, median),
        memory_clock_median_hz=_statistic(track, "memory_clock_hz", region, median),
        temperature_max_c=_statistic(track, "temperature_c", region, max),
        clock_limit_hz=find_clock_limit(track, region.start_s, region.end_s),
        power_limit_w=_fact(track, "power_limit_w"),
        default_power_limit_w=_fact(track, "default_power_limit_w"),
        pcie_generation_min=_lowest_under_load(track, "pcie_generation", region),
        max_pcie_generation=_fact(track, "max_pcie_generation"),
        pcie_width_min=_lowest_under_load(track, "pcie_width", region),
        max_pcie_width=_fact(track, "max_pcie_width"),
        foreign_processes=_count(watched.foreign),
        throttling=find_throttling(track, _inside(track.series("throttle"), region)),
    )


def _statistic(
    track: Track, channel: str, region: Region, of: Callable[[list[float]], float]
) -> Figure:
    values = _inside(track.series(channel), region)
    return _figure(track, channel, of(values)) if values else _absent(track, channel)


def _lowest_under_load(track: Track, channel: str, region: Region) -> Figure:
    """Return the lowest value of the samples at which the device was busy: idle links slow down."""
    busy = {time for time, share in track.series("utilisation") if share >= BUSY_SHARE}
    inside = [pair for pair in track.series(channel) if region.start_s <= pair[0] <= region.end_s]
    values = [value for time, value in inside if time in busy]
    if not inside:
        return _absent(track, channel)
    if not values:
        return Figure.absent(f"{track.reader.channels[channel].how}: no sample under load")
    return _figure(track, channel, min(values))


def _inside(series: Series, region: Region) -> list[float]:
    """Return the values of the region; of one between two samples, those at its ends."""
    inside = [value for time, value in series if region.start_s <= time <= region.end_s]
    return inside or [value for _, value in clip(series, region.start_s, region.end_s)]


def _figure(track: Track, channel: str, value: float) -> Figure:
    source = track.reader.channels[channel]
    evidence = Evidence.ESTIMATED if source.estimated else Evidence.MEASURED
    return Figure(value=value, evidence=evidence, how=source.how)


def _absent(track: Track, channel: str) -> Figure:
    if channel in track.reader.channels:
        return Figure.absent(f"{track.reader.channels[channel].how}: no answer while measuring")
    return Figure.absent(track.reader.why_absent(channel))


def _counted(track: Track, region: Region) -> Figure | None:
    """Return the growth of the energy counter; None without a counter."""
    part = clip(track.series("energy_j"), region.start_s, region.end_s)
    if not part:
        return None
    return _unless_short(_figure(track, "energy_j", part[-1][1] - part[0][1]), region)


def _integrated(track: Track, region: Region) -> Figure:
    part = clip(track.series("power_w"), region.start_s, region.end_s)
    if not part:
        return _absent(track, "power_w")
    figure = _figure(track, "power_w", integral(part))
    return _unless_short(
        figure.model_copy(update={"how": f"{figure.how}, integrated over time"}), region
    )


def _unless_short(figure: Figure, region: Region) -> Figure:
    if region.span_s >= SHORTEST_S:
        return figure
    how = f"{figure.how}; {region.span_s:.2f} s are too short for its rate"
    return figure.model_copy(update={"evidence": Evidence.ESTIMATED, "how": how})


def _idle_power(watched: Watched) -> Figure:
    idle = watched.idle
    if idle is None:
        has_power = {"power_w", "energy_j"} & set(watched.track.reader.channels)
        why = "the idle machine was not watched"
        return Figure.absent(why) if has_power else _absent(watched.track, "power_w")
    return _power(idle, idle.series("power_w"), idle.series("energy_j"), median)


def _peak_power(track: Track, region: Region) -> Figure:
    ends = region.start_s, region.end_s
    power = [(t, v) for t, v in track.series("power_w") if ends[0] <= t <= ends[1]]
    return _power(track, power, clip(track.series("energy_j"), *ends), max)


def _power(
    track: Track, power: Series, energy: Series, of: Callable[[list[float]], float]
) -> Figure:
    """Return a statistic of sampled power, else of the energy counter's rate."""
    if power:
        return _figure(track, "power_w", of([value for _, value in power]))
    rates = [value for _, value in slopes(energy)]
    if rates:
        figure = _figure(track, "energy_j", of(rates))
        return figure.model_copy(update={"how": f"rate of {figure.how}"})
    return _absent(track, "energy_j" if "energy_j" in track.reader.channels else "power_w")


def _scaled(figure: Figure, factor: float) -> Figure:
    if figure.value is None:
        return figure
    return figure.model_copy(update={"value": figure.value * factor})


def _net(energy: Figure, idle: Figure, span_s: float) -> Figure:
    if energy.value is None:
        return energy
    if idle.value is None:
        return Figure.absent(idle.how)
    estimated = Evidence.ESTIMATED in (energy.evidence, idle.evidence)
    return Figure(
        value=energy.value - idle.value * span_s,
        evidence=Evidence.ESTIMATED if estimated else Evidence.MEASURED,
        how=f"{energy.how}, without idle power",
    )


def _fact(track: Track, name: str) -> Figure:
    value = track.reader.facts.get(name)
    if value is None:
        return Figure.absent(track.reader.why_absent(name))
    return Figure(value=value, evidence=Evidence.MEASURED, how=f"the driver of {track.reader.name}")


def _count(foreign: int | str) -> Figure:
    if isinstance(foreign, str):
        return Figure.absent(foreign)
    how = "the driver's list of processes without the run's own"
    return Figure(value=foreign, evidence=Evidence.MEASURED, how=how)


def _system(track: Track, region: Region) -> SystemTelemetry:
    start, end = (_total(track, "battery", at) for at in (0, -1))
    return SystemTelemetry(
        memory_peak_bytes=_statistic(track, "memory_bytes", region, max),
        swapped_bytes=_swapped(track),
        battery_start=start,
        battery_end=end,
    )


def _swapped(track: Track) -> Figure:
    grown = growth(track).get("swapped_bytes")
    if grown is None:
        return Figure.absent(track.reader.why_absent("swapped_bytes"))
    how = track.reader.totals["swapped_bytes"].how
    return Figure(value=grown, evidence=Evidence.MEASURED, how=how)


def _total(track: Track, name: str, at: int) -> Figure:
    value = track.totals[at].get(name) if track.totals else None
    if value is None or isnan(value):
        return Figure.absent(track.reader.why_absent(name))
    return Figure(value=value, evidence=Evidence.MEASURED, how=track.reader.totals[name].how)
