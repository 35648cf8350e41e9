"""Whether the speed held over a sustained measurement, and what the sensors show of the cause."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import pairwise
from statistics import fmean, median

from nobs.report.ratio import ratio_of_means
from nobs.schema.pins import RepeatPolicy
from nobs.schema.result import Sample
from nobs.schema.sustained import SpeedPart, SpeedRatio, Sustained, Trend
from nobs.schema.telemetry import PARTS, PartOfDevice, Telemetry
from nobs.stats import CONFIDENCE
from nobs.units import format_share

BURST_S = 60.0
SURE_REPEATS = 6
"""Fewest repeats of a part for a CI of its median."""
TREND_CONFIDENCE = 0.99
TREND_MARGIN = 0.03
"""Change of speed that the whole CI must exceed. Repeats drift by less where nothing happens."""
MIN_CLOCK_LOSS = 0.02
MIN_WARMING_C = 3.0
MIN_FOREIGN_CORES = 0.2


def find_sustained(
    samples: Sequence[Sample], policy: RepeatPolicy, telemetry: Telemetry | None
) -> Sustained | None:
    """Return the figures of a sustained measurement; None for another one, or without repeats."""
    if not samples or policy.sustain_s is None:
        return None
    first_s, last = samples[0].start_s, samples[-1]
    span_s = last.start_s + last.duration_s - first_s
    edges = [first_s + span_s * number / PARTS for number in range(PARTS + 1)]
    ranges = [(edges[0], min(edges[1], first_s + BURST_S)), *pairwise(edges)]
    within = [_within(samples, start_s, end_s) for start_s, end_s in ranges]
    burst, *quarters = (
        _part(inside, start_s - first_s, end_s - first_s)
        for inside, (start_s, end_s) in zip(within, ranges, strict=True)
    )
    change = _speed_ratio(within[1], within[-1], TREND_CONFIDENCE)
    trend = _trend(change)
    return Sustained(
        burst=burst,
        quarters=tuple(quarters),
        kept=_speed_ratio(within[0], within[-1], CONFIDENCE),
        change=change,
        trend=trend,
        message=_describe(trend, change, quarters, telemetry),
    )


def _within(samples: Sequence[Sample], start_s: float, end_s: float) -> list[Sample]:
    return [s for s in samples if start_s <= s.start_s + s.duration_s / 2 < end_s]


def _part(samples: Sequence[Sample], start_s: float, end_s: float) -> SpeedPart:
    times = [sample.duration_s for sample in samples]
    foreign = [s.foreign_cpu_s for s in samples if s.foreign_cpu_s is not None]
    rates = [s.matmul_flop_per_s for s in samples if s.matmul_flop_per_s is not None]
    return SpeedPart(
        start_s=start_s,
        end_s=end_s,
        repeats=len(samples),
        mean_s=fmean(times) if times else None,
        median_s=median(times) if times else None,
        foreign_cores=max(0.0, sum(foreign) / sum(times)) if foreign else None,
        matmul_flop_per_s=median(rates) if rates else None,
    )


def _speed_ratio(
    before: Sequence[Sample], after: Sequence[Sample], confidence: float
) -> SpeedRatio | None:
    """Return the speed `after` over that `before`; None if either has too few repeats."""
    if min(len(before), len(after)) < SURE_REPEATS:
        return None
    first, second = ([sample.duration_s for sample in part] for part in (before, after))
    return SpeedRatio(**asdict(ratio_of_means(first, second, confidence)))


def _trend(change: SpeedRatio | None) -> Trend:
    if change is None:
        return Trend.UNKNOWN
    if change.high < 1 - TREND_MARGIN:
        return Trend.SLOWER
    return Trend.FASTER if change.low > 1 + TREND_MARGIN else Trend.STEADY


def _describe(
    trend: Trend,
    change: SpeedRatio | None,
    quarters: Sequence[SpeedPart],
    telemetry: Telemetry | None,
) -> str:
    if change is None:
        fewest = min(quarters[0].repeats, quarters[-1].repeats)
        return f"unknown, {SURE_REPEATS} repeats per quarter needed, {fewest} made; raise --sustain"
    if trend is Trend.STEADY:
        return _describe_steady(change)
    by = format_share(abs(1 - change.value))
    text = f"the last quarter was {by} {trend} than the first"
    causes = [*_loads(quarters), *_sensors(telemetry), *_inferred(quarters)]
    return f"{text}: {', '.join(causes)}" if causes else f"{text}; no sensor shows why"


def _describe_steady(change: SpeedRatio) -> str:
    """Return that the speed held only if the CI shows it."""
    if change.low >= 1 - TREND_MARGIN and change.high <= 1 + TREND_MARGIN:
        most = format_share(TREND_MARGIN, 0)
        return f"the speed held: last and first quarter differ by less than {most}"
    ends = f"{format_share(change.low, 0)} to {format_share(change.high, 0)}"
    return f"none found: the last quarter had {ends} of the first one's speed (99 % CI)"


def _loads(quarters: Sequence[SpeedPart]) -> Iterator[str]:
    before, after = quarters[0].foreign_cores, quarters[-1].foreign_cores
    if before is not None and after is not None and abs(after - before) >= MIN_FOREIGN_CORES:
        yield f"other processes used {before:.1f} CPU cores at first, {after:.1f} at last"


def _sensors(telemetry: Telemetry | None) -> Iterator[str]:
    if telemetry is None or len(telemetry.parts) < 2:
        return
    first, last = telemetry.parts[0].devices, telemetry.parts[-1].devices
    for before, after in zip(first, last, strict=False):
        yield from _changes(before, after)


def _changes(before: PartOfDevice, after: PartOfDevice) -> Iterator[str]:
    """Yield how the clock, the temperature and the reasons of one device changed."""
    clocks = before.clock_median_hz or 0.0, after.clock_median_hz or 0.0
    if all(clocks) and abs(clocks[1] / clocks[0] - 1) >= MIN_CLOCK_LOSS:
        yield f"clock of {after.name} {clocks[0] / 1e9:.2f} to {clocks[1] / 1e9:.2f} GHz"
    heat = before.temperature_max_c or 0.0, after.temperature_max_c or 0.0
    if all(heat) and abs(heat[1] - heat[0]) >= MIN_WARMING_C:
        yield f"temperature {heat[0]:.0f} to {heat[1]:.0f} \N{DEGREE SIGN}C"
    for reason, share in after.throttling.items():
        if share - before.throttling.get(reason, 0.0) >= MIN_CLOCK_LOSS:
            yield f"{reason} for {format_share(share, 0)} of the last quarter"


def _inferred(quarters: Sequence[SpeedPart]) -> Iterator[str]:
    before, after = quarters[0].matmul_flop_per_s, quarters[-1].matmul_flop_per_s
    if before and after and abs(after / before - 1) >= MIN_CLOCK_LOSS:
        faster = "faster" if after > before else "slower"
        yield f"a fixed matrix product {format_share(abs(1 - after / before))} {faster} (inferred)"
