"""The verdict on a median (stable, imprecise or unstable) with its reasons and remedies."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from statistics import median

from nobs.report.definitions import fits
from nobs.report.flags import describe_foreign_cpu, find_heat
from nobs.schema.pins import RepeatPolicy
from nobs.schema.report import Finding, FindingKind, ModelReport, Verdict
from nobs.schema.result import Sample
from nobs.schema.telemetry import Telemetry
from nobs.stats import (
    CONFIDENCE,
    dependence,
    drift,
    interval_of_repeats,
    outliers,
    spread,
    two_modes,
)
from nobs.tasks.base import TaskDefinition
from nobs.tasks.figures import Kind, format_value
from nobs.units import format_seconds, format_share

SURE_REPEATS = 6
"""Fewest repeats for a 95 % CI."""
MAX_SPREAD = 0.05
MIN_CHANGE = 0.01
"""Smaller drifts and distances of modes, as a share of the median, are ignored."""
MIN_SLOW_FIRST = 0.02
MIN_FOREIGN_CORES = 0.5
MIN_STOLEN_SHARE = 0.02
MAX_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Headline:
    """A positive value of each repeat, which the verdict is on."""

    values: list[float]
    write: Callable[[float], str] = format_seconds
    is_time: bool = True
    """Whether a busy or hot machine changes it."""


def with_verdict(
    model: ModelReport, task: TaskDefinition, policy: RepeatPolicy, *, beside: bool = False
) -> ModelReport:
    """Return `model` with the verdict on what `task` declares, else on the times of its passes."""
    headline = _find_headline(model, task)
    verdict = judge(model.samples, policy, model.telemetry, headline, beside=beside)
    return model.model_copy(update={"verdict": verdict})


def _find_headline(model: ModelReport, task: TaskDefinition) -> Headline | None:
    """Return the first judged figure that each repeat has a value of."""
    for figure in task.figures if fits(task, model) else ():
        values = figure.runs(model) if figure.is_judged else ()
        known = [value for value in values if value is not None and value > 0]
        if known and len(known) == len(model.samples):
            write, is_time = partial(format_value, figure), figure.kind is Kind.SECONDS
            return Headline(values=known, write=write, is_time=is_time)
    return None


def judge(
    samples: Sequence[Sample],
    policy: RepeatPolicy,
    telemetry: Telemetry | None = None,
    headline: Headline | None = None,
    *,
    beside: bool = False,
) -> Verdict | None:
    """Return the verdict of one model's repeats, by default on their times; None without repeats.

    `beside` other devices of the same command, which are foreign processes on purpose.
    """
    if not samples:
        return None
    if beside:
        samples = [sample.model_copy(update={"foreign_cpu_s": None}) for sample in samples]
    headline = headline or Headline(values=[sample.duration_s for sample in samples])
    values = headline.values
    several, interval = len(values) > 1, interval_of_repeats(values)
    # Reasons first: what makes the median unstable, then what makes it imprecise, then notes.
    found = sorted(_find(headline, samples, policy, telemetry), key=lambda each: each.kind.rank)
    return Verdict(
        stable=all(finding.kind.is_note for finding in found),
        uncertainty=interval.half_width(median(values)) if interval.confidence else None,
        spread=spread(values) if several else None,
        outliers=tuple(index + 1 for index in outliers(values)),
        findings=tuple(found),
    )


def _find(
    headline: Headline,
    samples: Sequence[Sample],
    policy: RepeatPolicy,
    telemetry: Telemetry | None,
) -> Iterator[Finding]:
    yield from _few_or_wide(headline.values, samples, policy)
    yield from _spread(headline.values)
    slow_first = list(_slow_first(headline, samples))
    yield from slow_first
    yield from _drift(headline, len(slow_first))
    yield from _two_modes(headline)
    if headline.is_time:
        yield from _foreign_cpu(samples, telemetry)
        yield from _stolen_cpu(samples)
        yield from _throttling(telemetry)
    yield from _outliers(headline, samples, first_is_noted=bool(slow_first))


def _few_or_wide(
    values: list[float], samples: Sequence[Sample], policy: RepeatPolicy
) -> Iterator[Finding]:
    """Find a CI below 95 % or wider than the target; the remedy depends on the options used."""
    count, middle, interval = len(values), median(values), interval_of_repeats(values)
    spent, more = f"after {count} repeats", "raise --repeats"
    if policy.repeats is None:
        spent += f" in {policy.length_s:g} s"
        more = "raise --sustain" if policy.sustain_s else "raise --time-budget"
    if count >= SURE_REPEATS and not interval.confidence:
        message = f"too few and too uneven repeats for a CI, {spent}; {more}"
        yield _finding(FindingKind.TOO_FEW_REPEATS, count, message)
    elif interval.confidence < CONFIDENCE:
        has = f"{count} repeats give a {format_share(interval.confidence, 0)} CI at most"
        if count == 1:
            has = "one repeat has no CI"
        remedy = f"--repeats {SURE_REPEATS} gives a 95 % CI"
        if policy.sustain_s:
            remedy = "raise --sustain"
        elif policy.repeats is None:
            times = [sample.duration_s for sample in samples]
            needed_s = ceil(sum(times) + (SURE_REPEATS - count) * median(times))
            remedy = f"--time-budget {needed_s} allows {SURE_REPEATS} for a 95 % CI"
        yield _finding(FindingKind.TOO_FEW_REPEATS, count, f"{has}; {remedy}")
    elif not interval.within(policy.ci_rel_width, middle):
        width = interval.half_width(middle)
        wide = f"95 % CI \N{PLUS-MINUS SIGN}{format_share(width)}"
        target = f"target \N{PLUS-MINUS SIGN}{format_share(policy.ci_rel_width)}"
        if dependence(values):
            target += "; widened for autocorrelated repeats"
        yield _finding(FindingKind.WIDE_INTERVAL, width, f"{wide} ({target}) {spent}; {more}")


def _spread(values: list[float]) -> Iterator[Finding]:
    found = spread(values)
    if found > MAX_SPREAD:
        message = f"repeats vary by {format_share(found)} (robust standard deviation)"
        yield _finding(FindingKind.SPREAD, found, message)


def _slow_first(headline: Headline, samples: Sequence[Sample]) -> Iterator[Finding]:
    """Find a first repeat that is slower than the spread of the others explains."""
    first, *rest = headline.values
    if len(rest) < 3:
        return
    middle = median(rest)
    excess = first / middle - 1
    if first > max(rest) and excess > max(MIN_SLOW_FIRST, 5 * spread(rest)):
        message = f"repeat 1 is {format_share(excess)} above the others"
        if headline.is_time:
            why = _cause(samples[0]) or "although the model was warm"
            message = f"repeat 1 took {format_share(excess)} longer than the others, {why}"
        yield _finding(FindingKind.SLOW_FIRST, excess, message)


def _drift(headline: Headline, skipped: int) -> Iterator[Finding]:
    values = headline.values[skipped:]
    change = drift(values) if values else 0.0
    if abs(change) > MIN_CHANGE:
        how, why = "sped up", ": clocks or caches were still settling"
        if change > 0:
            how, why = "slowed down", ": heat or throttling"
        if not headline.is_time:
            how, why = "rose" if change > 0 else "fell", ""
        message = f"repeats {how} by {format_share(abs(change))}{why}"
        yield _finding(FindingKind.DRIFT, change, message)


def _two_modes(headline: Headline) -> Iterator[Finding]:
    low, high = two_modes(headline.values) or (0.0, 0.0)
    distance = (high - low) / median(headline.values)
    if distance > MIN_CHANGE:
        why = ": changing clocks, core types or another program" if headline.is_time else ""
        around = f"around {headline.write(low)} and {headline.write(high)}"
        yield _finding(FindingKind.TWO_MODES, distance, f"repeats form two groups {around}{why}")


def _foreign_cpu(samples: Sequence[Sample], telemetry: Telemetry | None) -> Iterator[Finding]:
    known = [(s.foreign_cpu_s, s.duration_s) for s in samples if s.foreign_cpu_s is not None]
    if known:
        cores = sum(cpu for cpu, _ in known) / sum(time for _, time in known)
    else:
        cores = (telemetry.idle_foreign_cores if telemetry else None) or 0.0
    if cores >= MIN_FOREIGN_CORES:
        clause = describe_foreign_cpu(cores, samples)
        yield _finding(FindingKind.FOREIGN_CPU, cores, f"{clause}; close them and run again")


def _stolen_cpu(samples: Sequence[Sample]) -> Iterator[Finding]:
    known = [
        (
            sample.stolen_cpu_s,
            sample.cpu_time_s + sample.foreign_cpu_s + (sample.server_cpu_s or 0.0),
        )
        for sample in samples
        if sample.stolen_cpu_s is not None and sample.foreign_cpu_s is not None
    ]
    stolen_s, used_s = sum(stolen for stolen, _ in known), sum(used for _, used in known)
    share = stolen_s / (stolen_s + used_s) if stolen_s > 0 else 0.0
    if share >= MIN_STOLEN_SHARE:
        message = (
            f"the hypervisor gave {format_share(share)} of this machine's CPU time to others; run"
            " again at a quieter hour or on a dedicated host"
        )
        yield _finding(FindingKind.STOLEN_CPU, share, message)


def _throttling(telemetry: Telemetry | None) -> Iterator[Finding]:
    if telemetry is None:
        return
    for device in telemetry.devices:
        if found := find_heat(device, telemetry.span_s):
            reason, share = found
            of_time = f"{format_share(share)} of the time"
            message = f"{device.name} was throttled for {of_time} ({reason})"
            yield _finding(FindingKind.THROTTLED, share, message)


def _outliers(
    headline: Headline, samples: Sequence[Sample], *, first_is_noted: bool
) -> Iterator[Finding]:
    values = headline.values
    found = [index for index in outliers(values) if index or not first_is_noted]
    if not found:
        return
    middle = median(values)
    shown = []
    for index in found[:MAX_SHOWN]:
        is_slow = headline.is_time and values[index] > middle
        cause = _cause(samples[index]) if is_slow else ""
        shown.append(f"{index + 1} ({cause})" if cause else f"{index + 1}")
    more = ", ..." if len(found) > MAX_SHOWN else ""
    number = "repeat" if len(found) == 1 else "repeats"
    message = f"outliers, kept: {number} {', '.join(shown)}{more}"
    yield _finding(FindingKind.OUTLIERS, len(found), message)


def _cause(sample: Sample) -> str:
    """Return the recorded cause of a slow repeat; empty if there is none."""
    foreign_s, stolen_s = sample.foreign_cpu_s or 0.0, sample.stolen_cpu_s or 0.0
    if foreign_s >= MIN_FOREIGN_CORES * sample.duration_s:
        return f"while other processes used {foreign_s:.1f} CPU s"
    if stolen_s > MIN_FOREIGN_CORES * sample.duration_s:
        return f"while the hypervisor withheld {stolen_s:.1f} CPU s"
    return ""


def _finding(kind: FindingKind, value: float, message: str) -> Finding:
    return Finding(kind=kind, value=value, message=message)
