"""Reports side by side: plain rows, one table for each workload and division."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from nobs.report.chart_data import (
    LoadPoint,
    Trial,
    read_loads,
    read_phases,
    read_requests,
    read_samples,
    read_settings,
    read_starts,
    read_trials,
)
from nobs.report.figures import FIGURES, Figure, Measured, read_figures
from nobs.report.machine import HostSection, describe_host, flags_of, hardware_of, notes_of
from nobs.schema.base import Status
from nobs.schema.report import ModelReport, Report, TaskReport
from nobs.text import to_line

DIVISIONS = ("closed", "open", "legacy")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model of one report; every text is safe to show."""

    run: str
    """Key of the host section it belongs to."""
    host: str
    device: str
    hardware: str
    """The GPU where it was measured, else the processor."""
    model: str
    settings: str = ""
    """With what it ran, as in `bfloat16, batch 64, sdpa`."""
    status: str
    why: str = ""
    """Why it isn't ok."""
    verdict: str = ""
    """`stable`, `imprecise` or `unstable`; empty where there is no verdict."""
    open_reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    figures: Mapping[str, Measured] = field(default_factory=dict)
    samples: tuple[float, ...] = ()
    """Raw rates in their order."""
    starts_s: tuple[float, ...] = ()
    """When each of them began, since the first one; nothing where the report doesn't tell."""
    requests: tuple[tuple[float, float], ...] = ()
    """Output tokens and latency in seconds of each request."""
    loads: tuple[LoadPoint, ...] = ()
    phases: tuple[float, ...] = ()
    """Share of each of `curves.PHASES` in one pass."""
    trials: tuple[Trial, ...] = ()

    @property
    def look(self) -> tuple[str, str, str]:
        """What tables name it by."""
        return self.host, self.hardware, self.model

    @property
    def is_ok(self) -> bool:
        """Whether its figures can be ranked."""
        return self.status == Status.OK


@dataclass(frozen=True, kw_only=True)
class Table:
    """All rows of one workload and division, by model, best first; those without figures last."""

    workload: str
    task: str
    division: str
    rows: tuple[Row, ...]

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """Return the figures that at least one row has."""
        held = {key for row in self.rows for key in row.figures}
        return tuple(figure for figure in FIGURES if figure.key in held)

    @property
    def headline(self) -> Figure:
        """Return the figure that ranks the rows."""
        return next(iter(self.figures), FIGURES[0])

    def has_twin(self, row: Row) -> bool:
        """Tell whether another row of the model is of a machine that looks the same."""
        return self._looks[row.look] > 1

    @cached_property
    def _looks(self) -> Counter[tuple[str, str, str]]:
        return Counter(row.look for row in self.rows)

    def ranked(self) -> Iterator[tuple[int | None, Row]]:
        """Yield each row with its rank among those of its model, None where it has none."""
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
class Sheet:
    """One report, flat: its machine and its rows by (workload, task, division)."""

    section: HostSection
    rows: tuple[tuple[tuple[str, str, str], Row], ...]


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """Everything that a renderer shows."""

    tables: tuple[Table, ...]
    hosts: tuple[HostSection, ...]
    skipped: tuple[Skipped, ...] = ()


def flatten(file: str, report: Report) -> Sheet:
    """Return `report`, read from `file`, as plain rows."""
    return Sheet(
        section=describe_host(file, report),
        rows=tuple(
            ((to_line(task.workload.name), to_line(task.task), division_of(task)), row)
            for task in report.tasks
            for row in _rows(report, task)
        ),
    )


def arrange(sheets: Sequence[Sheet], skipped: Sequence[Skipped] = ()) -> Leaderboard:
    """Return the tables of all sheets; closed, open and legacy results never share one."""
    sheets = list(_with_distinct_runs(sheets))
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for sheet in sheets:
        for place, row in sheet.rows:
            groups.setdefault(place, []).append(row)
    places = sorted(groups, key=_order)
    return Leaderboard(
        tables=tuple(_rank(*place, groups[place]) for place in places),
        hosts=tuple(sheet.section for sheet in sheets),
        skipped=tuple(skipped),
    )


def _with_distinct_runs(sheets: Sequence[Sheet]) -> Iterator[Sheet]:
    """Yield the sheets with a key of its own each: copies of a report share their run's name."""
    counts: Counter[str] = Counter()
    for sheet in sheets:
        run = sheet.section.run or "unnamed"
        counts[run] += 1
        key = run if counts[run] == 1 else f"{run} ({counts[run]})"
        yield Sheet(
            section=replace(sheet.section, run=key),
            rows=tuple((place, replace(row, run=key)) for place, row in sheet.rows),
        )


def division_of(task: TaskReport) -> str:
    """Return `closed`, `open` or `legacy`."""
    return str(task.workload.division)


def _order(place: tuple[str, str, str]) -> tuple[int, str, str]:
    """Return where a table stands: `embeddings/1`, `embeddings-max/1`, `llms/1`."""
    workload, task, division = place
    return _division_rank(division), workload.replace("/", " "), task


def _division_rank(division: str) -> int:
    return DIVISIONS.index(division) if division in DIVISIONS else len(DIVISIONS)


def _rank(workload: str, task: str, division: str, rows: Sequence[Row]) -> Table:
    table = Table(workload=workload, task=task, division=division, rows=tuple(rows))
    headline = table.headline
    measured = {row.model for row in rows if headline.key in row.figures}

    def place(row: Row) -> tuple[bool, str, bool, float, str]:
        found = row.figures.get(headline.key)
        value = found.value if found else 0.0
        rank = value if headline.lower_is_better else -value
        return row.model not in measured, row.model, found is None, rank, row.host

    return replace(table, rows=tuple(sorted(rows, key=place)))


def _rows(report: Report, task: TaskReport) -> Iterator[Row]:
    device = report.device_info
    for name, model in task.models.items():
        values = {**model.model_dump(mode="json"), "task_score": task.task_score}
        is_ok = model.status is Status.OK
        yield Row(
            run=to_line(report.run.id),
            host=to_line(device.host),
            device=to_line(model.device),
            hardware=hardware_of(report, model.device, [model]),
            model=to_line(name),
            status=str(model.status),
            why=_why(model),
            verdict=model.verdict.word if model.verdict else "",
            open_reasons=tuple(map(to_line, task.workload.open_reasons)),
            warnings=(*flags_of(model), *notes_of(model)),
            figures=read_figures(values, task.dataset_size) if is_ok else {},
            settings=read_settings(values),
            samples=read_samples(values),
            starts_s=read_starts(values),
            requests=read_requests(values),
            loads=read_loads(values),
            phases=read_phases(values),
            trials=read_trials(values),
        )


def _why(model: ModelReport) -> str:
    if model.status is Status.OK:
        return ""
    failure = model.failure
    return to_line(f"{failure.failure_class}: {failure.message}") if failure else "no reason known"
