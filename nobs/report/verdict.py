"""Whether the median of repeats can be trusted, and if not why, in words that fit the case."""

from collections.abc import Iterator, Sequence
from math import ceil

from nobs.schema.pins import RepeatPolicy
from nobs.schema.report import Finding, FindingKind, Verdict
from nobs.schema.result import Sample
from nobs.stats import (
    CONFIDENCE,
    dependence,
    drift,
    interval_of_repeats,
    median,
    outliers,
    spread,
    two_modes,
)
from nobs.units import format_seconds, format_share

SURE_REPEATS = 6
"""The fewest repeats whose interval reaches 95 %."""
MAX_SPREAD = 0.05
MIN_CHANGE = 0.01
"""Drifts and distances of modes below this share of the median don't matter."""
MIN_SLOW_FIRST = 0.02
MIN_FOREIGN_CORES = 0.5
MIN_STOLEN_SHARE = 0.02
HARMLESS = frozenset({FindingKind.SLOW_FIRST, FindingKind.OUTLIERS})
"""What readers should know though it doesn't move a median."""


def judge(samples: Sequence[Sample], policy: RepeatPolicy) -> Verdict | None:
    """Return the verdict of one model's repeats; None if there are none."""
    if not samples:
        return None
    times = [sample.duration_s for sample in samples]
    several = len(times) > 1
    findings = tuple(_find(times, samples, policy))
    return Verdict(
        stable=all(finding.kind in HARMLESS for finding in findings),
        uncertainty=interval_of_repeats(times).half_width(median(times)) if several else None,
        spread=spread(times) if several else None,
        outliers=tuple(index + 1 for index in outliers(times)),
        findings=findings,
    )


def _find(times: list[float], samples: Sequence[Sample], policy: RepeatPolicy) -> Iterator[Finding]:
    yield from _few_or_wide(times, policy)
    yield from _spread(times)
    slow_first = list(_slow_first(times))
    yield from slow_first
    yield from _drift(times[len(slow_first) :])
    yield from _two_modes(times)
    yield from _foreign_cpu(samples)
    yield from _stolen_cpu(samples)
    yield from _outliers(times, first_is_told=bool(slow_first))


def _few_or_wide(times: list[float], policy: RepeatPolicy) -> Iterator[Finding]:
    """Tell why the interval isn't sure or not narrow, and which option the user has left."""
    count, middle, interval = len(times), median(times), interval_of_repeats(times)
    if interval.confidence < CONFIDENCE:
        share = format_share(interval.confidence, 0)
        covers = f"{count} repeats cover the median with {share} at most"
        if count == 1:
            covers = "one repeat tells nothing of the others"
        remedy = f"--repeats {SURE_REPEATS} reaches 95 %"
        if policy.repeats is None:
            needed_s = ceil(sum(times) + (SURE_REPEATS - count) * middle)
            remedy = f"a --time-budget of {needed_s} s allows {SURE_REPEATS}"
        yield _finding(FindingKind.TOO_FEW_REPEATS, count, f"{covers}; {remedy}")
    elif not interval.within(policy.ci_rel_width, middle):
        width = interval.half_width(middle)
        remedy = f"ask for more than --repeats {count}"
        if policy.repeats is None:
            spent = f"after {count} repeats in {policy.time_budget_s:g} s"
            remedy = f"{spent}; a longer --time-budget narrows it"
        wanted = format_share(policy.ci_rel_width)
        wide = f"the median repeat is known to {format_share(width)} only, not {wanted}"
        if dependence(times):
            wide = f"{wide}, as repeats resemble the one before"
        yield _finding(FindingKind.WIDE_INTERVAL, width, f"{wide}, {remedy}")


def _spread(times: list[float]) -> Iterator[Finding]:
    found = spread(times)
    if found > MAX_SPREAD:
        yield _finding(FindingKind.SPREAD, found, f"the repeats spread by {format_share(found)}")


def _slow_first(times: list[float]) -> Iterator[Finding]:
    """Find a first repeat that is far above what the others spread by."""
    rest = times[1:]
    if len(rest) < 3:
        return
    middle = median(rest)
    excess = times[0] / middle - 1
    if times[0] > max(rest) and excess > max(MIN_SLOW_FIRST, 5 * spread(rest)):
        yield _finding(
            FindingKind.SLOW_FIRST,
            excess,
            f"repeat 1 took {format_share(excess)} longer than the rest though the model was warm",
        )


def _drift(times: list[float]) -> Iterator[Finding]:
    change = drift(times) if times else 0.0
    if change > MIN_CHANGE:
        why = "as a device does that heats up or is throttled"
        yield _finding(
            FindingKind.DRIFT, change, f"the repeats got {format_share(change)} slower, {why}"
        )
    if change < -MIN_CHANGE:
        why = "so clocks or caches were still settling"
        yield _finding(
            FindingKind.DRIFT, change, f"the repeats got {format_share(-change)} faster, {why}"
        )


def _two_modes(times: list[float]) -> Iterator[Finding]:
    low, high = two_modes(times) or (0.0, 0.0)
    distance = (high - low) / median(times)
    if distance > MIN_CHANGE:
        around = f"around {format_seconds(low)} and {format_seconds(high)}"
        yield _finding(
            FindingKind.TWO_MODES,
            distance,
            f"the repeats fall into two groups, {around}, so something switches: clocks, kinds of"
            " cores or another program",
        )


def _foreign_cpu(samples: Sequence[Sample]) -> Iterator[Finding]:
    told = [(s.foreign_cpu_s, s.duration_s) for s in samples if s.foreign_cpu_s is not None]
    cores = sum(cpu for cpu, _ in told) / sum(time for _, time in told) if told else 0.0
    if cores >= MIN_FOREIGN_CORES:
        yield _finding(
            FindingKind.FOREIGN_CPU,
            cores,
            f"other processes kept {cores:.1f} CPU cores busy; close them and run again",
        )


def _stolen_cpu(samples: Sequence[Sample]) -> Iterator[Finding]:
    told = [
        (
            sample.stolen_cpu_s,
            sample.cpu_time_s + sample.foreign_cpu_s + (sample.server_cpu_s or 0.0),
        )
        for sample in samples
        if sample.stolen_cpu_s is not None and sample.foreign_cpu_s is not None
    ]
    stolen_s, used_s = sum(stolen for stolen, _ in told), sum(used for _, used in told)
    share = stolen_s / (stolen_s + used_s) if stolen_s > 0 else 0.0
    if share >= MIN_STOLEN_SHARE:
        yield _finding(
            FindingKind.STOLEN_CPU,
            share,
            f"the hypervisor gave {format_share(share)} of the CPU time wanted here to other"
            " machines; run again at a quieter hour, or on a host of its own",
        )


def _outliers(times: list[float], *, first_is_told: bool) -> Iterator[Finding]:
    found = [index + 1 for index in outliers(times) if index or not first_is_told]
    if found:
        shown = ", ".join(map(str, found[:5])) + (", ..." if len(found) > 5 else "")
        number = "repeat" if len(found) == 1 else "repeats"
        yield _finding(
            FindingKind.OUTLIERS, len(found), f"flagged and kept as outliers: {number} {shown}"
        )


def _finding(kind: FindingKind, value: float, message: str) -> Finding:
    return Finding(kind=kind, value=value, message=message)
