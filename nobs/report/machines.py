"""The machines of reports: what each measured, run by run."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from statistics import median
from typing import Any

from nobs.report.definitions import fits
from nobs.report.limits import limits_of, only_of
from nobs.report.machine import flags_of, hardware_of, host_of, name_of
from nobs.report.noise import Runs
from nobs.report.price import Prices, machine_of, price_figures
from nobs.report.reading import definition_of, label_of, read_figures, read_runs, typed
from nobs.schema.enums import Status
from nobs.schema.report import ModelReport, Report, TaskReport
from nobs.tasks.base import TaskDefinition
from nobs.tasks.figures import Figure, Kind, Measured
from nobs.text import to_line

HINTS = (
    "throttled", "power-capped", "limit-changed", "foreign-process", "foreign-cpu", "swapping",
)  # fmt: skip
"""Beginnings of flags that may explain a slow machine."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One model of one report; texts are safe to print."""

    key: tuple[str, ...]
    """Workload, division, model, task and fingerprint: what is comparable."""
    machine: str
    hardware: str
    definition: TaskDefinition
    model: ModelReport
    values: Mapping[str, Measured]
    run: str
    limits: tuple[str, ...] = ()
    """Limits in force: runs under others aren't those of the same machine."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One machine with its runs of one workload and model."""

    name: str
    hardware: str
    entries: tuple[Entry, ...]
    runs: Runs = field(default=())


def read_entries(reports: Iterable[Report], prices: Prices) -> list[Entry]:
    """Return what was measured, sorted by what is comparable."""
    reports = list(map(typed, reports))
    names = Counter(name for name, _ in {_identity(r) for r in reports if not r.run.node})
    entries = [
        entry
        for report in reports
        if report.run.share is None  # a part of a load isn't what the server can do
        for entry in _entries(report, prices, is_shared=names[name_of(report)] > 1)
    ]
    return sorted(entries, key=lambda entry: entry.key)


def names_of(reports: Iterable[Report]) -> set[str]:
    """Return the names that a price of what `reports` measured may have; safe to print."""
    found = set()
    for report in map(typed, reports):
        found |= {host_of(report), name_of(report)}
        for task in report.tasks:
            definition = definition_of(task.task, task.workload.division)
            models = (m for m in task.models.values() if fits(definition, m))
            found |= {machine_of(definition, model, name_of(report)) for model in models}
    return found | {name.partition("@")[0] for name in found}


def _identity(report: Report) -> tuple[str, str]:
    """Return the name and what distinguishes two that share it: a GPU's UUID, else the run."""
    device = report.run.device
    return name_of(report), (device and device.uuid) or report.run.id


def _entries(report: Report, prices: Prices, *, is_shared: bool) -> Iterator[Entry]:
    """Yield what was measured; a name that reports share is distinguished by the run."""
    host, limits = name_of(report), limits_of(report)
    for task in report.tasks:
        definition = definition_of(task.task, task.workload.division)
        for name, model in task.models.items():
            if model.status is not Status.OK or not fits(definition, model):
                continue
            values = read_figures(definition, model, task.task_score)
            machine = machine_of(definition, model, host)
            price = prices.find(machine)
            costs = price_figures(definition, model, values, price) if price else {}
            yield Entry(
                key=_key(task, name, at_once=bool(report.run.together)),
                machine=to_line(f"{machine} ({report.run.id})") if is_shared else machine,
                hardware=hardware_of(report, model.device, [model]),
                definition=definition,
                model=model,
                values={**values, **costs},
                run=report.run.id,
                limits=limits,
            )


def _key(task: TaskReport, name: str, *, at_once: bool) -> tuple[str, ...]:
    # A device beside others that were measured at once isn't compared with one alone.
    work = task.workload
    kind = to_line(work.name), str(work.division), label_of(task, name)
    return *kind, task.task, work.fingerprint, "at once" if at_once else ""


def has_runs(figure: Figure[Any], entries: Sequence[Entry]) -> bool:
    """Return whether any entry has the figure of each repeat."""
    return any(read_runs(entry.definition, figure, entry.model) for entry in entries)


def machines_of(entries: Sequence[Entry]) -> Iterator[Machine]:
    """Yield the machines of `entries`; under other limits, one counts as another machine."""

    def place(entry: Entry) -> tuple[str, str]:
        return entry.machine, entry.hardware

    ordered = sorted(entries, key=lambda entry: (*place(entry), entry.limits, entry.run))
    for (name, hardware), group in groupby(ordered, place):
        kinds = [tuple(kind) for _, kind in groupby(group, lambda each: each.limits)]
        for kind in kinds:
            only = only_of(kind[0].limits, (each[0].limits for each in kinds))
            own = f"{name} ({only})" if only else name
            yield Machine(name=own, hardware=hardware, entries=kind)


def runs_of(machine: Machine, figure: Figure[Any], headline: Figure[Any]) -> list[list[float]]:
    """Return the values of `figure` in each run: per repeat, or one for energy.

    A price is per repeat, too: what a run costs is inverse to its rate.
    """
    found = []
    for entry in machine.entries:
        own = entry.values.get(figure.key)
        repeats = read_runs(entry.definition, headline, entry.model)
        if figure is headline:
            values = repeats
        elif own is None or own.value <= 0:
            values = []
        elif figure.kind is Kind.MONEY and repeats:
            middle = median(repeats)
            inverse = not headline.lower_is_better
            values = [own.value * (middle / v if inverse else v / middle) for v in repeats]
        else:
            values = [own.value]
        if values:
            found.append(values)
    return found


def value_of(machine: Machine, figure: Figure[Any] | None) -> float | None:
    """Return the median of a figure over the runs of a machine; None if it has none."""
    if figure is None:
        return None
    found = (entry.values.get(figure.key) for entry in machine.entries)
    values = [each.value for each in found if each is not None]
    return median(values) if values else None


def hints_of(machine: Machine) -> tuple[str, ...]:
    """Return the warnings in its reports that may explain a slow machine."""
    found = (flag for entry in machine.entries for flag in flags_of(entry.model))
    return tuple(dict.fromkeys(flag for flag in found if flag.startswith(HINTS)))
