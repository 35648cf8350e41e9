"""Finishes and removes leftovers of dead launchers, and removes old runs."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nobs.errors import NobsError
from nobs.launch.executor.base import Executor, Leftover
from nobs.launch.run.attach import take_over
from nobs.launch.run.ownership import owner_lives
from nobs.launch.run.runs import RunPhase, list_runs
from nobs.storage.owner import sweep_scratch


def sweep(executor: Executor) -> list[str]:
    """Remove the workers of dead launchers that have ended or are overdue; return what they are.

    Their output and outcome are in their run directories afterwards. A worker that still has time
    is left to `nobs attach`.
    """
    found = executor.find_leftovers()
    return [f"{left.kind} {left.name}" for left in found if _collect(executor, left)]


def clean(
    results: Path, executors: Sequence[Executor], older_than: timedelta | None
) -> Iterator[str]:
    """Remove what dead launchers left, unused results of `prepare`, and older finished runs.

    Without `older_than` runs stay. Yields what was removed.
    """
    yield from (f"directory {path}" for path in sweep_scratch(results / "runs"))
    for executor in executors:
        yield from sweep(executor)
        yield from executor.prune()
    if older_than is None:
        return
    limit = datetime.now(UTC) - older_than
    for run in list(list_runs(results, executors)):
        if run.phase is RunPhase.FINISHED and run.created < limit:
            path = results / "runs" / run.run_id
            shutil.rmtree(path)
            yield f"run {path}"


def _collect(executor: Executor, leftover: Leftover) -> bool:
    # Leftovers belong to other runs: a failure here must not prevent a new run.
    with suppress(NobsError):
        if leftover.run_dir is None:
            leftover.remove()
            return True
        if not owner_lives(leftover.run_dir):
            take_over(leftover.run_dir, executor)
            return True
    return False
