"""Reports of devices of one machine that don't exist: each alone, and at once."""

from datetime import UTC, datetime, timedelta

from nobs.report.together import find_together
from nobs.schema.device import DeviceRef
from nobs.schema.report import Report
from nobs.schema.together import Together
from tests.fakes.reports import make_report

NAMES = ("cuda:0", "cuda:1", "cuda:2")
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def report_of(number: int, speed: float, *, late_s: float | None = None) -> Report:
    """Return a report of a device; at once with the others if its start is given."""
    run = f"run-{number}" if late_s is None else f"run-{number}-at-once"
    report = make_report(run=run, speed=speed, tasks=("embeddings",), repeats=20)
    beside = () if late_s is None else tuple(n for n in NAMES if n != NAMES[number])
    info = {"device": DeviceRef(name=NAMES[number]), "together": beside}
    began = None if late_s is None else NOON + timedelta(seconds=late_s)
    task = report.tasks[0]
    models = {
        name: model.model_copy(update={"repeats_started": began})
        for name, model in task.models.items()
    }
    return report.model_copy(
        update={
            "run": report.run.model_copy(update=info),
            "tasks": (task.model_copy(update={"models": models}),),
        }
    )


def measured(*speeds: float) -> tuple[list[Report], list[Together]]:
    """Return reports at once, each begun 3 s after the one before, and their sums."""
    alone = [report_of(number, 1.0) for number in range(3)]
    beside = [report_of(n, speed, late_s=3.0 * n) for n, speed in enumerate(speeds)]
    found, missing = find_together(alone, beside)
    assert not missing
    return beside, found


def machine_at_once(*speeds: float) -> list[Report]:
    """Return the reports of three devices alone, then those at once with their sums."""
    beside, found = measured(*speeds)
    whole = [each.model_copy(update={"together": tuple(found)}) for each in beside]
    return [*(report_of(number, speed) for number, speed in enumerate(speeds)), *whole]
