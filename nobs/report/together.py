"""What replicas on several devices at once reach of the sum of the devices alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, hypot, log, sqrt
from statistics import median

from nobs.report.limits import link_of, link_rate
from nobs.report.machine import flags_of
from nobs.schema.enums import Backend, Status
from nobs.schema.report import ModelReport, Report
from nobs.schema.result import Sample
from nobs.schema.telemetry import DeviceKind
from nobs.schema.together import Together, TogetherPart
from nobs.stats import CONFIDENCE, interval_of_repeats
from nobs.tasks import TASKS
from nobs.text import to_line

MIN_REPEATS = 2
"""Fewer repeats of a device within the window give no rate."""
MAX_EFFICIENCY = 1.02
"""Replicas don't speed each other up: more is a disturbed measurement."""
FULL_HOST = 0.9
"""Share of the host's hardware threads from which replicas on GPUs may wait for the CPU."""
OF_RUNS = ("throttled", "power-capped", "narrow-link", "swapping", "stolen-cpu", "cpu-quota")
"""Flags that explain a loss if they appear beside the others only."""


@dataclass(frozen=True, kw_only=True)
class _Rate:
    value: float
    low: float | None
    high: float | None
    count: int


def find_together(
    alone: Sequence[Report], beside: Sequence[Report]
) -> tuple[list[Together], list[str]]:
    """Return the sums of each model, and why models have none.

    `alone` and `beside` are reports of the same devices in the same order.
    """
    found, missing = [], []
    for task in beside[0].tasks:
        for name in task.models:
            label = to_line(f"{task.workload.name} {name}")
            models = [_model(report, task.task, name) for report in (*alone, *beside)]
            if any(model is None for model in models):
                missing.append(f"{label}: a device has no result of it")
                continue
            known = [model for model in models if model is not None]
            window = window_of(known[len(alone) :])
            rates = [rate_within(model, window) for model in known[len(alone) :]]
            if any(rate is None for rate in rates):
                missing.append(
                    f"{label}: the devices overlapped for too short a time; use --sustain 5m"
                )
                continue
            parts = tuple(
                _part(one, two, _rate(model.samples), rate)
                for one, two, model, rate in zip(alone, beside, known, rates, strict=False)
                if rate is not None
            )
            together = add_up(
                parts, workload=task.workload.name, model=name, unit=TASKS.load(task.task).unit,
                window=window,
            )  # fmt: skip
            found.append(
                together.model_copy(
                    update={"findings": tuple(_find(alone, beside, known, together))}
                )
            )
    return found, missing


def add_up(
    parts: tuple[TogetherPart, ...], *, workload: str, model: str, unit: str,
    window: tuple[datetime, datetime],
) -> Together:  # fmt: skip
    """Return the sum of `parts` with its interval, and the efficiency with its own.

    Half widths of independent rates add up as squares; the interval of the ratio is that of the
    difference of the logarithms.
    """
    total, single = sum(p.rate_per_s for p in parts), sum(p.alone_per_s for p in parts)
    half = _root([_half(part.rate_low, part.rate_high) for part in parts])
    half_alone = _root([_half(part.alone_low, part.alone_high) for part in parts])
    reach = None if half is None or half_alone is None else hypot(half / total, half_alone / single)
    worst = min(parts, key=lambda part: part.rate_per_s / part.alone_per_s)
    centre = log(total / single)
    return Together(
        workload=workload, model=model, unit=unit, start=window[0], end=window[1], parts=parts,
        aggregate_per_s=total,
        aggregate_low=None if half is None else total - half,
        aggregate_high=None if half is None else total + half,
        efficiency=total / single,
        efficiency_low=None if reach is None else exp(centre - reach),
        efficiency_high=None if reach is None else exp(centre + reach),
        worst=worst.device,
    )  # fmt: skip


def window_of(models: Sequence[ModelReport]) -> tuple[datetime, datetime]:
    """Return the time in which all of them were measuring; it ends before it starts if never."""
    starts = [model.repeats_started for model in models]
    known = [start for start in starts if start is not None]
    if len(known) < len(models):
        raise ValueError("repeats_started is missing")
    return max(known), min(_end(model) for model in models)


def rate_within(model: ModelReport, window: tuple[datetime, datetime]) -> _Rate | None:
    """Return the rate of the repeats that lie whole within the window; None if there are too few.

    On rounding: times on the wall clock have microseconds.
    """
    start = model.repeats_started
    slack = timedelta(microseconds=2)
    if start is None or not model.samples:
        return None
    first = model.samples[0].start_s
    kept = [
        sample
        for sample in model.samples
        if start + timedelta(seconds=sample.start_s - first) >= window[0] - slack
        and start + timedelta(seconds=sample.start_s - first + sample.duration_s)
        <= window[1] + slack
    ]
    return _rate(kept) if len(kept) >= MIN_REPEATS else None


def _end(model: ModelReport) -> datetime:
    first, last = model.samples[0], model.samples[-1]
    if model.repeats_started is None:
        raise ValueError("repeats_started is missing")
    length_s = last.start_s + last.duration_s - first.start_s
    return model.repeats_started + timedelta(seconds=length_s)


def _rate(samples: Sequence[Sample]) -> _Rate:
    rates = [sample.units / sample.duration_s for sample in samples]
    interval = interval_of_repeats(rates)
    is_known = interval.confidence >= CONFIDENCE
    return _Rate(
        value=median(rates),
        low=interval.low if is_known else None,
        high=interval.high if is_known else None,
        count=len(rates),
    )


def _part(alone: Report, beside: Report, single: _Rate, rate: _Rate) -> TogetherPart:
    device = beside.run.device
    return TogetherPart(
        device=device.name if device else str(beside.run.backend),
        run=beside.run.id, alone_run=alone.run.id,
        alone_per_s=single.value, alone_low=single.low, alone_high=single.high,
        rate_per_s=rate.value, rate_low=rate.low, rate_high=rate.high, repeats=rate.count,
    )  # fmt: skip


def _model(report: Report, task: str, name: str) -> ModelReport | None:
    found = (each.models.get(name) for each in report.tasks if each.task == task)
    model = next(found, None)
    is_ok = model is not None and model.status is Status.OK and bool(model.samples)
    return model if is_ok else None


def _half(low: float | None, high: float | None) -> float | None:
    return None if low is None or high is None else (high - low) / 2


def _root(halves: Sequence[float | None]) -> float | None:
    known = [half for half in halves if half is not None]
    return sqrt(sum(half**2 for half in known)) if len(known) == len(halves) else None


def _find(
    alone: Sequence[Report], beside: Sequence[Report], models: Sequence[ModelReport],
    together: Together,
) -> Iterator[str]:  # fmt: skip
    """Yield what the host and the devices were short of beside the others."""
    high = together.efficiency_high
    if high is not None and high < 1:
        yield f"The devices slow each other down; {together.worst} loses most."
    if together.efficiency > MAX_EFFICIENCY:
        yield (
            "The devices were slower alone than at once: something disturbed them alone. Don't use"
            " the efficiency; measure again."
        )
    for model, part in zip(models, together.parts, strict=False):
        if model.verdict and model.verdict.word == "unstable":
            yield f"{part.device} alone was unstable: {model.verdict.findings[0].message}."
    host = beside[0].environment.get("host", {})
    threads = host.get("logical_cores") if isinstance(host, dict) else None
    busy = sum(
        sum(s.cpu_time_s for s in model.samples) / sum(s.duration_s for s in model.samples)
        for model in models[len(alone) :]
    )
    # On CPUs the cores are the devices.
    is_gpu = beside[0].run.backend is not Backend.CPU
    if is_gpu and isinstance(threads, int) and busy >= FULL_HOST * threads:
        yield f"Host CPU: the replicas kept {busy:.1f} of {threads} hardware threads busy."
    pairs = zip(models[: len(alone)], models[len(alone) :], together.parts, strict=True)
    for single, model, part in pairs:
        before = {flag.partition(":")[0] for flag in flags_of(single)}
        for flag in flags_of(model):
            if flag.startswith(OF_RUNS) and flag.partition(":")[0] not in before:
                yield f"{part.device}, not alone: {flag}"
        one, two = _link(single), _link(model)
        if one and two and two < one:
            yield f"{part.device}: its PCIe link was slower than alone."


def _link(model: ModelReport) -> float | None:
    for device in model.telemetry.devices if model.telemetry else ():
        if device.kind is DeviceKind.GPU and (link := link_of(device)):
            return link_rate(link)
    return None
