"""Compare two reports: speedup with its CI, and differences in machine and software."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Any

from nobs.catalog.changes import find_differences
from nobs.report.definitions import fits
from nobs.report.leaderboard import flatten
from nobs.report.limits import describe_other_limits
from nobs.report.ratio import Finding, Ratio, geometric_mean, ratio_of_medians
from nobs.report.reading import definition_of, label_of, read_runs, typed, variant_of
from nobs.schema.enums import Status
from nobs.schema.pins import ModelPin
from nobs.schema.report import ModelReport, Report, TaskReport
from nobs.tasks.base import TaskDefinition
from nobs.tasks.figures import Figure
from nobs.text import to_line

_OWN_DETAILS = {"id", "started", "finished", "status", "digest",
                "origin.file", "origin.file_sha256", "origin.timestamp"}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Line:
    """One figure of one model in both reports."""

    workload: str
    model: str
    figure: Figure[Any]
    is_headline: bool
    """Whether it is the first of the model's figures: means are made of those."""
    baseline: float
    other: float
    ratio: Ratio


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A workload or model of the baseline that can't be compared, and why."""

    workload: str
    model: str
    reason: str
    is_loss: bool
    """Whether the baseline measured it and the other report has no result."""

    def __str__(self) -> str:
        """Return what isn't compared and why; some reasons begin with the workload's name."""
        workload = "" if self.reason.startswith(self.workload) else self.workload
        what = " ".join(filter(None, (workload, self.model)))
        return f"{what}: {self.reason}" if what else self.reason


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One report against the baseline."""

    baseline: str
    other: str
    lines: tuple[Line, ...]
    mean: Ratio | None
    """Geometric mean over workloads, each the mean of its models."""
    refusals: tuple[Refusal, ...]
    unlike: tuple[str, ...]
    """Why the compared work differs."""
    other_limits: str | None
    """Warning that the limits in force differ, such as the power limit; null if they don't."""
    differences: tuple[tuple[str, str, str], ...]
    """Name and both values of what differs in machine, software and settings."""

    def is_below(self, threshold: float) -> bool:
        """Return whether a model is significantly slower and below `threshold`, or is missing."""
        ratios = (line.ratio for line in self.lines if line.is_headline)
        return any(refusal.is_loss for refusal in self.refusals) or any(
            ratio.finding is Finding.SLOWER and ratio.value < threshold for ratio in ratios
        )

    def undecided(self) -> tuple[str, ...]:
        """Return the models that have too few repeats for any threshold."""
        return tuple(
            f"{line.workload} {line.model}"
            for line in self.lines
            if line.is_headline and line.ratio.finding is Finding.UNKNOWN
        )


def compare_reports(
    baseline: Report, other: Report, *, names: tuple[str, str], force_open: bool = False
) -> Comparison:
    """Compare what both reports measured; different work only if `force_open`.

    The CIs of all ratios and of their mean are Bonferroni-corrected.
    """
    baseline, other = typed(baseline), typed(other)
    others = {task.workload.name: task for task in other.tasks}
    pairs = [(task, others.get(task.workload.name)) for task in baseline.tasks]
    reasons = [_why_unlike(*pair) for pair in pairs]
    share = next((each.run.share for each in (baseline, other) if each.run.share), None)
    no_result = f"share {share} of a load isn't its server's result" if share else None
    found = [
        part
        for pair, reason in zip(pairs, reasons, strict=True)
        for part in _compare_tasks(*pair, no_result or (None if force_open else reason))
    ]
    lines = [part for part in found if isinstance(part, Line)]
    mean = _mean(lines)
    # The mean of one is that one.
    count = len(lines) + (sum(line.is_headline for line in lines) > 1)
    return Comparison(
        baseline=to_line(names[0]),
        other=to_line(names[1]),
        lines=tuple(replace(line, ratio=line.ratio.widened(count)) for line in lines),
        mean=mean and mean.widened(count),
        refusals=tuple(part for part in found if isinstance(part, Refusal)),
        unlike=tuple(reason for reason in reasons if reason) if force_open else (),
        other_limits=describe_other_limits(baseline, other),
        differences=tuple(_differences(baseline, other)),
    )


def _why_unlike(task: TaskReport, other: TaskReport | None) -> str | None:
    """Return why the work differs; None if it doesn't, or if one is missing."""
    if other is None:
        return None
    name, one, two = to_line(task.workload.name), task.workload, other.workload
    if one.division != two.division:
        reported = "; ".join(map(to_line, (*one.open_reasons, *two.open_reasons)))
        return (
            f"{name} is {one.division} in the baseline and {two.division} in the other report"
            f" ({reported or 'no reason given'})"
        )
    if one.fingerprint != two.fingerprint:
        changed = [
            *_changed(one.model_dump(mode="json"), two.model_dump(mode="json")),
            *_changed_models(one.models, two.models),
        ]
        return f"{name} differs between the reports: {', '.join(changed) or 'fingerprint'}"
    return None


def _changed(one: Mapping[str, Any], two: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of pins and parameters that differ."""
    for part in ("dataset", "params"):
        # Older reports have no tag on their parameters.
        keys = sorted((one[part].keys() | two[part].keys()) - {"kind"})
        yield from (
            to_line(f"{part}.{key}") for key in keys if one[part].get(key) != two[part].get(key)
        )


def _changed_models(one: Iterable[ModelPin], two: Iterable[ModelPin]) -> Iterator[str]:
    """Yield other models, or the names of the fields of their pins that differ."""
    before, after = ({pin.id: pin.model_dump(mode="json") for pin in pins} for pins in (one, two))
    if list(before) != list(after):
        yield "models"
        return
    for name, pin in before.items():
        for path, *_ in find_differences(pin, after[name]):
            yield to_line(f"models.{name}.{path}")


def _compare_tasks(
    task: TaskReport, other: TaskReport | None, refused: str | None
) -> Iterator[Line | Refusal]:
    workload = to_line(task.workload.name)
    if other is None or refused:
        reason = refused or "missing from the other report"
        yield Refusal(workload=workload, model="", reason=reason, is_loss=True)
        return
    definition = definition_of(task.task, task.workload.division)
    for name, model in task.models.items():
        found = other.models.get(name)
        label = label_of(task, name)
        yield from _compare_models(definition, workload, label, model, found)


def _compare_models(
    task: TaskDefinition, workload: str, name: str, model: ModelReport, other: ModelReport | None
) -> Iterator[Line | Refusal]:
    refused = partial(Refusal, workload=workload, model=name)
    if model.status is not Status.OK:
        yield refused(reason=f"{model.status} in the baseline", is_loss=False)
        return
    if other is None or other.status is not Status.OK:
        found = f"{other.status} in" if other else "missing from"
        yield refused(reason=f"{found} the other report", is_loss=True)
        return
    one, two = (variant_of(task, each) or "unknown" for each in (model, other))
    if one != two:
        reason = f"{one} in the baseline and {two} in the other report"
        yield refused(model=model.model_name, reason=reason, is_loss=True)
        return
    lines = list(_compare_figures(task, workload, name, (model, other)))
    if not lines:
        yield refused(reason="one of the reports has no repeats", is_loss=False)
    yield from lines


def _compare_figures(
    task: TaskDefinition, workload: str, name: str, models: tuple[ModelReport, ModelReport]
) -> Iterator[Line]:
    is_first = True
    for figure in task.figures if all(fits(task, m) for m in models) else ():
        one, two = (read_runs(task, figure, model) for model in models)
        has_rule = [figure.rule(model) is not None for model in models]
        if figure.is_charted and one and two and has_rule[0] is has_rule[1]:
            yield Line(
                workload=workload,
                model=name,
                figure=figure,
                is_headline=is_first,
                baseline=median(one),
                other=median(two),
                ratio=ratio_of_medians(one, two, lower_is_better=figure.lower_is_better),
            )
            is_first = False


def _mean(lines: Iterable[Line]) -> Ratio | None:
    """Return the geometric mean over workloads, each the mean of its models."""
    workloads: dict[str, list[Ratio]] = {}
    for line in lines:
        if line.is_headline:
            workloads.setdefault(line.workload, []).append(line.ratio)
    means = (geometric_mean(ratios) for ratios in workloads.values())
    return geometric_mean([mean for mean in means if mean is not None])


def _differences(baseline: Report, other: Report) -> Iterator[tuple[str, str, str]]:
    one, two = _facts(baseline), _facts(other)
    for name in sorted(one.keys() | two.keys()):
        values = one.get(name, "-"), two.get(name, "-")
        if values[0] != values[1]:
            yield name, *values


def _facts(report: Report) -> dict[str, str]:
    """Return machine, software and settings: what may explain a difference."""
    machine = flatten("", report).machine
    details = {k: v for k, v in machine.details.items() if k not in _OWN_DETAILS}
    parts = {"device": machine.device, "run": details, "environment": machine.environment}
    return {f"{part}.{name}": value for part, held in parts.items() for name, value in held.items()}
