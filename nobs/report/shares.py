"""Merge the reports of clients that drove shares of one load into a report of the whole load."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nobs.catalog import load_catalog
from nobs.catalog.changes import find_changes
from nobs.report.build import fingerprint, seal
from nobs.report.definitions import fits
from nobs.report.flags import with_flags
from nobs.report.reading import typed
from nobs.schema.enums import Division, Status
from nobs.schema.pins import Workload
from nobs.schema.report import Report, TaskReport, WorkloadRef
from nobs.schema.share import MergedRun, Share
from nobs.tasks import TASKS
from nobs.tasks.base import NotMergeable
from nobs.tasks.parameters import typed as typed_workload
from nobs.text import join_words, to_line

_LOAD = "params.load: "


@dataclass(frozen=True, kw_only=True)
class Unmerged:
    """Shares of one load that can't be merged."""

    load: str
    """Workload, model and start; safe to print."""
    reason: str


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One client's report with its share."""

    report: Report
    task: TaskReport
    share: Share


def merge_shares(reports: Iterable[Report]) -> tuple[list[Report], list[Unmerged]]:
    """Return a report of each load whose shares are all among `reports`, and why others have none.

    The other reports are left out. The same shares always give the same report.
    """
    merged, unmerged = [], []
    for load, parts in _loads(reports).items():
        try:
            merged.append(_merge(sorted(parts, key=lambda part: part.share.index)))
        except NotMergeable as error:
            unmerged.append(Unmerged(load=load, reason=to_line(error, 1000)))
    return merged, unmerged


def details_of(report: Report) -> Iterator[str]:
    """Yield the lines that the tasks of `report` have about its models."""
    for task in typed(report).tasks:
        definition = TASKS.load(task.task)
        for name, model in task.models.items():
            yield to_line(f"{task.workload.name} {name}")
            yield from definition.details(model) if fits(definition, model) else ()


def _loads(reports: Iterable[Report]) -> Mapping[str, list[_Part]]:
    """Return the shares by what their load is: workload, models and start."""
    loads: dict[str, list[_Part]] = {}
    for report in reports:
        share = report.run.share
        for task in typed(report).tasks if share else ():
            if share and task.task in TASKS:
                names = ", ".join(model.id for model in task.workload.models)
                start = f"{share.start:%Y-%m-%d %H:%M:%S.%f}".rstrip("0").rstrip(".")
                load = to_line(f"load of {names} from {start} UTC")
                loads.setdefault(load, []).append(_Part(report=report, task=task, share=share))
    return loads


def _merge(parts: Sequence[_Part]) -> Report:
    if reasons := list(_faults(parts)):
        raise NotMergeable(reasons)
    workload = _whole(parts[0])
    others = [_whole(part) for part in parts[1:]]
    if any(fingerprint(other) != fingerprint(workload) for other in others):
        changes = {to_line(c) for other in others for c in find_changes(workload, other)}
        raise NotMergeable([f"the clients' workloads differ: {'; '.join(sorted(changes))}"])
    definition = TASKS.load(workload.task)
    models = [next(iter(part.task.models.values())) for part in parts]
    runs = [part.report.run.id for part in parts]
    model = with_flags(definition.merge(runs, models, workload.params), definition)
    base = parts[0]
    reports = [part.report for part in parts]
    started = [report.run.started for report in reports if report.run.started]
    run = base.report.run.model_copy(
        update={
            "id": f"{base.report.run.id}-merged",
            "share": None,
            "status": Status.OK,
            "started": min(started),
            "finished": max(report.run.finished or report.timestamp for report in reports),
            "merged": tuple(
                MergedRun(run=each.run.id, node=each.run.node, digest=each.digest)
                for each in reports
            ),
        }
    )
    task = base.task.model_copy(
        update={
            "models": {model.model_name: model},
            "task_score": None,
            "workload": _describe(base.task.workload, workload, len(parts)),
        }
    )
    return seal(
        base.report.model_copy(
            update={
                "timestamp": max(report.timestamp for report in reports),
                "run": run,
                "tasks": (task,),
            }
        )
    )


def _faults(parts: Sequence[_Part]) -> Iterator[str]:
    """Yield what is missing, double or different among the reports of a load."""
    shares = [part.share for part in parts]
    counts = sorted({share.count for share in shares})
    if len(counts) > 1:
        yield f"the clients were started as one of {join_words(list(map(str, counts)))}"
        return
    missing = [n for n in range(counts[0]) if n not in {share.index for share in shares}]
    if missing:
        names = join_words([f"{n}/{counts[0]}" for n in missing])
        what, its = ("share", "its report isn't") if len(missing) == 1 else (
            "shares", "their reports aren't")  # fmt: skip
        verb = "is" if len(missing) == 1 else "are"
        yield f"{what} {names} {verb} missing: {its} here, or had another --start-at"
    for number in sorted({share.index for share in shares}):
        runs = [to_line(part.report.run.id) for part in parts if part.share.index == number]
        if len(runs) > 1:
            yield f"share {number}/{counts[0]} was measured {len(runs)} times: {', '.join(runs)}"
    slots = sorted({share.slot_s for share in shares})
    if len(slots) > 1:
        yield f"--slot differs: {join_words([f'{slot:g}' for slot in slots])} s"
    versions = sorted({to_line(part.report.run.nobs_version) for part in parts})
    if len(versions) > 1:
        yield f"the clients ran NOBS {join_words(versions)}"
    for part in parts:
        if len(part.task.models) != 1:
            models = f"{len(part.task.models)} models with results"
            yield f"share {part.share} ({to_line(part.report.run.id)}) has {models}, not 1"


def _whole(part: _Part) -> Workload:
    """Return the workload as one client would have it; NotMergeable if its pins are invalid."""
    try:
        workload = typed_workload(part.task.workload.to_workload(part.task.task))
    except ValueError as error:
        raise NotMergeable([f"a workload isn't valid: {to_line(error, 200)}"]) from error
    params = TASKS.load(workload.task).whole(workload.params)
    return workload.model_copy(update={"params": params})


def _describe(base: WorkloadRef, workload: Workload, clients: int) -> WorkloadRef:
    """Return the pins of the whole load; it is open, as every load is."""
    pinned = load_catalog().workloads.get(workload.label)
    changes = find_changes(typed_workload(pinned), workload) if pinned else ()
    reasons = [
        *(reason for reason in base.open_reasons if not reason.startswith(_LOAD)),
        *(to_line(change) for change in changes if change.startswith(_LOAD)),
        f"load: merged from {clients} clients, without repeats",
    ]
    return base.model_copy(
        update={
            "division": Division.OPEN,
            "open_reasons": tuple(dict.fromkeys(reasons)),
            "fingerprint": fingerprint(workload.model_copy(update={"open_reasons": ()})),
            "params": workload.params.model_dump(mode="json"),
        }
    )
