"""The leaderboard: rows of all reports in one table per workload and division."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from nobs.report.charts import read_charts
from nobs.report.definitions import fits
from nobs.report.limits import limits_of, only_of
from nobs.report.machine import (
    MachineSection,
    describe_host,
    flags_of,
    hardware_of,
    name_of,
    notes_of,
)
from nobs.report.price import Prices, machine_of, price_figures
from nobs.report.reading import (
    definition_of,
    figures_of,
    label_of,
    read_figures,
    read_samples,
    thin,
    typed,
)
from nobs.report.several import (
    ComparedDevices,
    DeviceSum,
    PriceNote,
    distinct,
    sums_of,
    whole_machine,
)
from nobs.schema.enums import Status
from nobs.schema.report import ModelReport, Report, TaskReport
from nobs.tasks.base import TaskDefinition
from nobs.tasks.charts import Chart, Mark
from nobs.tasks.figures import Figure, Measured
from nobs.text import to_line

DIVISIONS = ("closed", "open", "legacy")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model of one report; all texts are safe to print."""

    run: str
    """Key of its machine section."""
    host: str
    device: str
    hardware: str
    """The GPU if it was measured on one, else the processor."""
    model: str
    settings: str = ""
    """Settings, as in `bfloat16, batch 64, sdpa`."""
    status: str
    why: str = ""
    """Why it isn't ok."""
    limits: tuple[str, ...] = ()
    """Limits in force, as in `power limit 450 W`."""
    under: str = ""
    """Limits that not all rows of its model and hardware have: those rows measured something else;
    empty if all were under the same ones."""
    verdict: str = ""
    """`stable`, `imprecise` or `unstable`; empty where there is no verdict."""
    open_reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    figures: Mapping[str, Measured] = field(default_factory=dict)
    samples: tuple[float, ...] = ()
    """Raw rates in order."""
    starts_s: tuple[float, ...] = ()
    """Start of each, since the first; empty if the report doesn't have them."""
    machine: str = ""
    """Name of the machine that did the work, as prices name it: the host, or another one."""
    price: str = ""
    """Claimed price that its costs follow from, and where it was claimed."""
    charts: Mapping[str, tuple[Mark, ...]] = field(default_factory=dict)
    """Points, shares of a whole, or pictures, by the key of the chart."""

    @property
    def identity(self) -> tuple[str, str, str]:
        """How tables name it: host, hardware, model."""
        return self.host, self.hardware, self.model

    @property
    def is_ok(self) -> bool:
        """Whether its figures can be ranked."""
        return self.status == Status.OK


@dataclass(frozen=True, kw_only=True)
class Table:
    """All rows of one workload and division by model, best first; rows without figures last."""

    workload: str
    task: str
    division: str
    rows: tuple[Row, ...]

    @cached_property
    def definition(self) -> TaskDefinition:
        """Return the definition of the task."""
        return definition_of(self.task, self.division)

    @cached_property
    def figures(self) -> tuple[Figure[Any], ...]:
        """Return the figures that at least one row has."""
        held = {key for row in self.rows for key in row.figures}
        return tuple(f for f in figures_of(self.definition) if f.key in held)

    @property
    def headline(self) -> Figure[Any]:
        """Return the figure that ranks the rows."""
        return (*self.figures, *figures_of(self.definition))[0]

    @cached_property
    def charts(self) -> tuple[Chart[Any], ...]:
        """Return the charts that rows have data for, and pair charts with this workload."""
        held = {key for row in self.rows for key in row.charts}
        return tuple(
            chart
            for chart in self.definition.charts
            if chart.key in held or chart.pair_of(self.workload)
        )

    def is_ambiguous(self, row: Row) -> bool:
        """Return whether another row has the same host, hardware and model."""
        return self._identities[row.identity] > 1

    @cached_property
    def _identities(self) -> Counter[tuple[str, str, str]]:
        return Counter(row.identity for row in self.rows)

    def ranked(self) -> Iterator[tuple[int | None, Row]]:
        """Yield each row with its rank within its model; None without a headline figure."""
        counts: Counter[str] = Counter()
        for row in self.rows:
            counts[row.model] += 1
            yield counts[row.model] if self.headline.key in row.figures else None, row


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A file that could not be read, and why."""

    file: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class FlatReport:
    """One report: its machine, and its rows by (workload, task, division)."""

    machine: MachineSection
    rows: tuple[tuple[tuple[str, str, str], Row], ...]
    sums: tuple[DeviceSum, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """Everything that a renderer shows."""

    tables: tuple[Table, ...]
    hosts: tuple[MachineSection, ...]
    skipped: tuple[Skipped, ...] = ()
    sums: tuple[DeviceSum, ...] = ()
    """Devices of one machine at once."""
    devices: tuple[ComparedDevices, ...] = ()
    """Devices of one machine, each alone."""
    price_notes: tuple[PriceNote, ...] = ()


def flatten(file: str, report: Report, prices: Prices | None = None) -> FlatReport:
    """Return `report`, read from `file`, as plain rows, with costs at `prices`."""
    report = typed(report)
    rows = ((_place(task), row) for task in report.tasks for row in _rows(report, task, prices))
    return FlatReport(
        machine=describe_host(file, report),
        rows=tuple(rows),
        sums=tuple(sums_of(report, prices)),
    )


def _place(task: TaskReport) -> tuple[str, str, str]:
    """Return what rows of one table share: workload, task and division."""
    return to_line(task.workload.name), to_line(task.task), str(task.workload.division)


def arrange(reports: Sequence[FlatReport], skipped: Sequence[Skipped] = ()) -> Leaderboard:
    """Return the tables of all reports; closed, open and legacy results have separate tables."""
    reports = list(_with_distinct_runs(reports))
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for each in reports:
        for place, row in each.rows:
            groups.setdefault(place, []).append(row)
    places = sorted(groups, key=_order)
    return Leaderboard(
        tables=tuple(_rank(*place, groups[place]) for place in places),
        hosts=tuple(each.machine for each in reports),
        skipped=tuple(skipped),
        sums=distinct(each for report in reports for each in report.sums),
    )


def _with_distinct_runs(reports: Sequence[FlatReport]) -> Iterator[FlatReport]:
    """Yield the reports with unique run keys; copies of a report share the run's name."""
    counts: Counter[str] = Counter()
    for each in reports:
        run = each.machine.run or "unnamed"
        counts[run] += 1
        key = run if counts[run] == 1 else f"{run} ({counts[run]})"
        yield replace(
            each,
            machine=replace(each.machine, run=key),
            rows=tuple((place, replace(row, run=key)) for place, row in each.rows),
        )


def _order(place: tuple[str, str, str]) -> tuple[int, str, str]:
    """Return the sort key of a table: `work/1` comes before `work-max/1`."""
    workload, task, division = place
    rank = DIVISIONS.index(division) if division in DIVISIONS else len(DIVISIONS)
    return rank, workload.replace("/", " "), task


def _rank(workload: str, task: str, division: str, rows: Sequence[Row]) -> Table:
    table = Table(workload=workload, task=task, division=division, rows=tuple(rows))
    headline = table.headline
    measured = {row.model for row in rows if headline.key in row.figures}

    def place(row: Row) -> tuple[bool, str, bool, float, str]:
        found = row.figures.get(headline.key)
        value = found.value if found else 0.0
        rank = value if headline.lower_is_better else -value
        return row.model not in measured, row.model, found is None, rank, row.host

    return replace(table, rows=tuple(sorted(_mark_limits(rows), key=place)))


def _mark_limits(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the rows with the limits in which they differ from others of their model and device."""
    kinds: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for row in rows:
        if row.is_ok:
            kinds.setdefault((row.model, row.hardware), []).append(row.limits)
    for row in rows:
        alike = kinds.get((row.model, row.hardware), [])
        yield replace(row, under=only_of(row.limits, alike)) if row.is_ok else row


def _rows(report: Report, task: TaskReport, prices: Prices | None) -> Iterator[Row]:
    host, limits = name_of(report), limits_of(report)
    definition = definition_of(task.task, task.workload.division)
    is_share = report.run.share is not None
    for name, model in task.models.items():
        figures = {} if is_share else read_figures(definition, model, task.task_score)
        is_typed = fits(definition, model)
        machine = machine_of(definition, model, host) if is_typed else host
        price = prices.find(machine) if prices and is_typed and model.status is Status.OK else None
        costs = price_figures(definition, model, figures, price) if price else {}
        yield Row(
            run=to_line(report.run.id),
            host=host,
            machine=machine,
            price=f"{price}{whole_machine(report)}" if price else "",
            device=to_line(model.device),
            hardware=hardware_of(report, model.device, [model]),
            model=label_of(task, name),
            status=str(model.status),
            limits=limits,
            why=_why(model),
            verdict=model.verdict.word if model.verdict else "",
            open_reasons=tuple(map(to_line, task.workload.open_reasons)),
            warnings=(*flags_of(model), *notes_of(model)),
            figures={**figures, **costs} if model.status is Status.OK else {},
            settings=to_line(definition.settings(model)) if is_typed else "",
            samples=() if is_share else read_samples(definition, model),
            starts_s=() if is_share else tuple(s.start_s for s in thin(model.samples)),
            charts=dict(read_charts(definition, model)) if is_typed and not is_share else {},
        )


def _why(model: ModelReport) -> str:
    if model.status is Status.OK:
        return ""
    failure = model.failure
    return to_line(f"{failure.failure_class}: {failure.message}") if failure else "unknown reason"
