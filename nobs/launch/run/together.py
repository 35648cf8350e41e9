"""Runs of several devices at the same time, each with a launcher of its own."""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from statistics import median

from nobs.launch.executor.base import Executor
from nobs.launch.output import OnEvent
from nobs.launch.planning.plan import Plan
from nobs.launch.run.attach import attach
from nobs.launch.run.detached import start_detached
from nobs.launch.run.ending import Finished
from nobs.launch.run.launcher import prepare
from nobs.launch.run.ownership import interrupt_owner
from nobs.report.build import seal
from nobs.schema.pins import Workload
from nobs.schema.report import Report
from nobs.schema.together import Together
from nobs.storage.rundir import RunDir
from nobs.storage.store import publish
from nobs.supervisor.signals import stop_on_signals

MIN_OVERLAP_S = 20.0
MIN_REPEATS = 6
"""Fewest repeats in the window that have a CI."""
START_S = 6.0
"""How much later the next device may begin than the one before: launchers start one by one."""


def plan_together(
    plans: Sequence[Plan], alone: Sequence[Report], *, start_s: float = START_S
) -> list[Plan]:
    """Return the same plans for runs at once, long enough that all measure at the same time.

    Their results are open: a device beside others isn't a device alone.
    """
    names = tuple(p.spec.device.name if p.spec.device else str(p.spec.backend) for p in plans)
    found = []
    for number, (plan, name) in enumerate(zip(plans, names, strict=True), start=1):
        others = tuple(other for other in names if other != name)
        spec = plan.spec.model_copy(
            update={
                "run_id": f"{plan.spec.run_id}-at-once",
                "together": others,
                "workloads": tuple(
                    _prolong(workload, alone, number - 1, others, start_s * len(plans))
                    for workload in plan.spec.workloads
                ),
            }
        )
        found.append(replace(plan, spec=spec))
    return found


def _prolong(
    workload: Workload, alone: Sequence[Report], number: int, others: Sequence[str], skew_s: float
) -> Workload:
    times = [_times(report, workload) for report in alone]
    reason = f"measured at once with {', '.join(others)} (--together)"
    update: dict[str, object] = {"open_reasons": (*workload.open_reasons, reason)}
    own = [time for time in times[number] if time]
    slowest = max((time for each in times for time in each), default=0.0)
    if own and not workload.policy.sustain_s:
        wanted_s = max(MIN_OVERLAP_S, (MIN_REPEATS + 1) * slowest) + skew_s
        policy = workload.policy.model_copy(update={"repeats": ceil(wanted_s / min(own))})
        update["policy"] = policy
    return workload.model_copy(update=update)


def _times(report: Report, workload: Workload) -> list[float]:
    """Return the median time of each model of `workload`."""
    models = [
        m for task in report.tasks if task.task == workload.task for m in task.models.values()
    ]
    return [median(s.duration_s for s in model.samples) for model in models if model.samples]


def launch_together(plans: Sequence[Plan], executor: Executor, on_event: OnEvent) -> list[Finished]:
    """Run all plans at the same time; an interrupt stops all of them.

    Each has a launcher of its own, as with --detach; the first one's events are shown.
    """
    prepared = [prepare(plan, executor, on_event)[1] for plan in plans]
    try:
        with stop_on_signals():
            for run_dir in prepared:
                start_detached(run_dir)
        finished: list[Finished] = []
        for number, run_dir in enumerate(prepared):
            show = on_event if number == 0 else lambda _: None
            finished.append(attach(run_dir, executor, show))
            if finished[-1].exit_code == 130:
                _interrupt(prepared[number + 1 :])
    except BaseException:
        _interrupt(prepared)
        raise
    return finished


def record_together(finished: Finished, together: Sequence[Together]) -> Finished:
    """Write the sums into a run's report, and publish it again."""
    report = seal(finished.report.model_copy(update={"together": tuple(together), "digest": ""}))
    finished.run_dir.write(finished.run_dir.report_file, report)
    publish(finished.run_dir.results, report)
    return replace(finished, report=report)


def _interrupt(run_dirs: Sequence[RunDir]) -> None:
    for run_dir in run_dirs:
        interrupt_owner(run_dir)
