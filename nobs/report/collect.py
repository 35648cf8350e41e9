"""Reports of many machines: validated, each once, with what is partial, altered or lost."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path, PurePosixPath

from nobs.errors import InvalidReport, NobsError
from nobs.report.machine import name_of
from nobs.report.shares import details_of, merge_shares
from nobs.report.validation import Ruling, validate_document
from nobs.schema.enums import Status
from nobs.schema.report import Report
from nobs.schema.spec import RunSpec
from nobs.storage.document import Document, parse_document
from nobs.storage.files import to_json, write_atomic
from nobs.storage.reader import check_version, read_report, to_report
from nobs.storage.rundir import make_parent, safe_name
from nobs.storage.sources import Item, read_source
from nobs.storage.store import path_of
from nobs.text import to_line

MAX_REASON = 500
_DIGEST = "digest:"


class State(StrEnum):
    """What became of a run."""

    COMPLETE = "complete"
    """Every step is ok."""
    PARTIAL = "partial"
    """Some steps are missing, failed or were interrupted; the others are kept."""
    RESUMED = "resumed"
    """Interrupted, and another machine measured all of it in a run of its own."""
    DUPLICATE = "duplicate"
    """The same report again, or an earlier state of the same run."""
    ALTERED = "altered"
    """The digest doesn't match the content: it was changed or damaged after the run."""
    INVALID = "invalid"
    """No report, or one that contradicts itself."""
    LOST = "lost"
    """A run without a report, or an expected machine without a run."""
    UNREADABLE = "unreadable"
    """A source that couldn't be read to its end."""

    @property
    def is_fault(self) -> bool:
        """Whether something is missing or wrong."""
        return self not in (State.COMPLETE, State.RESUMED, State.DUPLICATE)


@dataclass(frozen=True, kw_only=True)
class Collected:
    """One run, file or source; texts are safe to print."""

    state: State
    source: str
    machine: str = ""
    run: str = ""
    ruling: str = ""
    """Of the validation."""
    reason: str = ""
    merged: int = 0
    """Clients whose shares of a load were merged into it; 0 for a report of one run."""
    details: tuple[str, ...] = ()
    """The figures of a merged load, in lines."""


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    item: Item
    report: Report
    found: Collected

    @property
    def age(self) -> tuple[bool, float]:
        """How far the run had got: finished, then by time."""
        return self.report.run.finished is not None, self.report.timestamp.timestamp()


def collect(sources: Iterable[str], results: Path, expected: Sequence[str] = ()) -> list[Collected]:
    """Merge the valid reports of `sources` into `results`; return what was found.

    Every run goes to `runs/RUN_ID/report.json`, the latest of each machine to the directory itself.
    `expected` are names of nodes that must have a report.
    """
    seen: list[Collected] = []
    candidates: dict[str, _Candidate] = {}
    ordered: dict[str, Collected] = {}
    copies: set[tuple[str, str]] = set()
    for item in _items(sources, seen):
        if PurePosixPath(item.name).name == "spec.json":
            ordered |= _order(item)
            continue
        examined = _examine(item)
        if isinstance(examined, Collected):
            seen.append(examined)
        elif (copy := (item.source, examined.report.digest)) not in copies:
            # A results directory has the latest report of a machine twice.
            copies.add(copy)
            seen += _choose(candidates, examined)
    kept = sorted(candidates.values(), key=lambda each: (each.found.machine, each.age))
    heirs = {each.report.run.resumes: each.found for each in kept if each.report.run.resumes}
    seen += [_inherited(each, _heir(each.report.run.id, heirs)) for each in kept]
    known = {each.run for each in seen}
    lost = [each for run, each in ordered.items() if run not in known]
    seen += [_with_heir(each, _heir(each.run, heirs)) for each in lost]
    nodes = {each.report.run.node for each in kept}
    nodes |= {each.machine.rpartition("@")[2] for each in lost}
    absent = (to_line(name) for name in expected if name not in nodes)
    missing = Collected(state=State.LOST, source="", reason="no report of it was found")
    seen += [replace(missing, machine=name) for name in absent]
    for candidate in kept:
        _write(candidate.report, candidate.item.data.decode("utf-8-sig"), results)
    return seen + _merge([candidate.report for candidate in kept], results)


def _merge(reports: Sequence[Report], results: Path) -> list[Collected]:
    """Write a report of each load whose shares are all there; return them, and what is missing."""
    merged, unmerged = merge_shares(reports)
    known = {report.run.id for report in reports}
    found = [_keep_load(report, results) for report in merged if report.run.id not in known]
    return found + [
        Collected(state=State.PARTIAL, source="", machine=each.load, reason=each.reason)
        for each in unmerged
    ]


def _keep_load(report: Report, results: Path) -> Collected:
    text = to_json(report)
    validation = validate_document(parse_document(text.encode()))
    if not validation.faults:
        _write(report, text, results)
    return Collected(
        state=State.INVALID if validation.faults else State.COMPLETE,
        source="", machine=name_of(report), run=to_line(report.run.id),
        ruling=str(validation.ruling), merged=len(report.run.merged),
        reason=to_line("; ".join(validation.faults), MAX_REASON),
        details=tuple(details_of(report)),
    )  # fmt: skip


def _items(sources: Iterable[str], seen: list[Collected]) -> Iterator[Item]:
    for source in sources:
        try:
            yield from read_source(source)
        except NobsError as error:
            reason = to_line(error, MAX_REASON)
            seen.append(Collected(state=State.UNREADABLE, source=to_line(source), reason=reason))


def _order(item: Item) -> dict[str, Collected]:
    """Return the run that a specification orders; empty if it isn't one."""
    try:
        spec = RunSpec.model_validate_json(item.data)
    except ValueError:
        return {}
    host = to_line(f"{spec.device_info.host}@{spec.node}" if spec.node else spec.device_info.host)
    return {
        to_line(spec.run_id): Collected(
            state=State.LOST, source=to_line(item.source), machine=host, run=to_line(spec.run_id),
            reason="it has no report: its machine died, or the copy is incomplete",
        )
    }  # fmt: skip


def _examine(item: Item) -> _Candidate | Collected:
    """Return the report, or why it isn't one that counts."""
    place = to_line(f"{item.source}: {item.name}")
    try:
        document = parse_document(item.data)
        check_version(Path(PurePosixPath(item.name).name), document)
    except (ValueError, InvalidReport) as error:
        reason = error.reason if isinstance(error, InvalidReport) else str(error)
        return Collected(state=State.INVALID, source=place, reason=to_line(reason, MAX_REASON))
    return _judge(item, place, document)


def _judge(item: Item, place: str, document: Document) -> _Candidate | Collected:
    validation = validate_document(document)
    faults = list(validation.faults)
    try:
        report = to_report(document)
    except ValueError:
        return Collected(state=State.INVALID, source=place, reason=to_line(faults[0], MAX_REASON))
    if safe_name(report.run.id) != report.run.id:
        faults.append("run.id isn't a name of a directory")
    found = Collected(
        state=State.COMPLETE, source=place, machine=name_of(report), run=to_line(report.run.id),
        ruling=str(validation.ruling),
    )  # fmt: skip
    if faults or validation.ruling is Ruling.INVALID:
        altered = any(fault.startswith(_DIGEST) for fault in faults)
        state = State.ALTERED if altered else State.INVALID
        return replace(found, state=state, reason=to_line("; ".join(faults), MAX_REASON))
    if reason := _lack(report):
        found = replace(found, state=State.PARTIAL, reason=reason)
    return _Candidate(item=item, report=report, found=found)


def _lack(report: Report) -> str:
    """Return what of a run is missing; empty if nothing is."""
    models = report.models
    planned = sum(max(len(task.workload.models), len(task.models)) for task in report.tasks)
    whole = sum(model.is_complete for model in models)
    if report.origin is not None or (report.run.finished and models and whole == planned):
        return ""
    failure = next((model.failure for model in models if model.failure), None)
    cut = next((m.interrupted_after for m in models if m.interrupted_after is not None), None)
    why = "" if report.run.finished else "; the run never finished"
    why += f"; interrupted after {cut} repeats" if cut is not None else ""
    why += f"; {failure.failure_class}: {failure.message}" if failure else ""
    return to_line(f"{whole} of {planned} models are complete{why}", MAX_REASON)


def _heir(run: str, heirs: Mapping[str, Collected]) -> Collected | None:
    """Return the complete run that measured the work of `run`, which may have been moved often."""
    heir = heirs.get(run)
    for _ in heirs:
        if heir is not None and heir.state is State.PARTIAL:
            heir = heirs.get(heir.run)
    return heir if heir is not None and heir.state is State.COMPLETE else None


def _inherited(one: _Candidate, heir: Collected | None) -> Collected:
    """Return what became of a run that `heir`, if any, took over; a dead one stays partial."""
    found = _with_heir(one.found, heir)
    is_over = found.state is State.PARTIAL and one.report.run.finished is not None
    return replace(found, state=State.RESUMED) if heir and is_over else found


def _with_heir(found: Collected, heir: Collected | None) -> Collected:
    if heir is None or not found.state.is_fault:
        return found
    reason = f"{found.reason}; {heir.machine} measured all of it in run {heir.run}"
    return replace(found, reason=to_line(reason, MAX_REASON))


def _choose(candidates: dict[str, _Candidate], one: _Candidate) -> list[Collected]:
    """Keep the further state of a run; return the other one."""
    other = candidates.get(one.report.run.id)
    if other is None:
        candidates[one.report.run.id] = one
        return []
    kept, one = (one, other) if one.age > other.age else (other, one)
    candidates[kept.report.run.id] = kept
    is_same = one.report.digest == kept.report.digest
    what = "the same report" if is_same else "an earlier state of the run"
    return [
        replace(one.found, state=State.DUPLICATE, reason=f"{what} is also in {kept.found.source}")
    ]


def _write(report: Report, text: str, results: Path) -> None:
    """Write the report below `runs`, and as the machine's latest if no newer one is there."""
    own = results / "runs" / report.run.id / "report.json"
    # A run of this machine writes its directory itself.
    if not own.with_name("spec.json").exists() and not _is_newer(own, report):
        make_parent(own)
        write_atomic(own, text)
    latest = path_of(results, report)
    is_ok = any(model.status is Status.OK for model in report.models)
    has_results = report.origin is not None or is_ok
    # One without any result would hide the machine's latest figures.
    if has_results and not _is_newer(latest, report):
        write_atomic(latest, text)


def _is_newer(file: Path, report: Report) -> bool:
    """Return whether `file` holds this or a later report."""
    try:
        return read_report(file).timestamp >= report.timestamp
    except InvalidReport:
        return False
