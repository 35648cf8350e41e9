"""Whether the sum of several devices agrees with its parts, and the own part with the samples."""

from collections.abc import Iterator
from math import isclose

from nobs.report.together import add_up, rate_within
from nobs.schema.report import Report
from nobs.schema.together import Together
from nobs.text import to_line

TOLERANCE = 1e-9
_SUMS = (
    "aggregate_per_s", "aggregate_low", "aggregate_high",
    "efficiency", "efficiency_low", "efficiency_high", "worst",
)  # fmt: skip


def find_wrong_sums(report: Report) -> Iterator[str]:
    """Yield every figure of `together` that doesn't follow from its parts or the samples."""
    if report.together and not report.run.together:
        yield "together has sums, but run.together names no other device"
    for together in report.together:
        where = f"together, {to_line(together.model)}"
        yield from (f"{where}: {fault}" for fault in _check_sums(together))
        yield from (f"{where}: {fault}" for fault in _check_own(report, together))


def _check_sums(together: Together) -> Iterator[str]:
    again = add_up(
        together.parts, workload=together.workload, model=together.model, unit=together.unit,
        window=(together.start, together.end),
    )  # fmt: skip
    for name in _SUMS:
        reported, found = getattr(together, name), getattr(again, name)
        if not _same(reported, found):
            yield f"{name} is {to_line(reported)}, the parts give {to_line(found)}"


def _check_own(report: Report, together: Together) -> Iterator[str]:
    """Compare the part of this report's device with its samples."""
    own = next((part for part in together.parts if part.run == report.run.id), None)
    models = [
        model
        for task in report.tasks
        if task.workload.name == together.workload
        for name, model in task.models.items()
        if name == together.model
    ]
    if own is None or not models:
        yield "no part is of this run"
        return
    others = {part.device for part in together.parts} - {own.device}
    if others != set(report.run.together):
        yield "its devices aren't those of run.together"
    found = rate_within(models[0], (together.start, together.end))
    if found is None:
        yield "this run has no repeats within the window"
    elif own.repeats != found.count or not _same(own.rate_per_s, found.value):
        yield (
            f"rate_per_s is {own.rate_per_s} from {own.repeats} repeats, the samples give"
            f" {found.value} from {found.count}"
        )


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, rel_tol=TOLERANCE)
    return one == other
