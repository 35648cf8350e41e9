"""The runs of a results directory and the phase of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from nobs.errors import StorageError
from nobs.launch.executor.base import Executor
from nobs.launch.run.ending import is_finished
from nobs.launch.run.ownership import find_state, owner_lives
from nobs.report.finish import missing_steps
from nobs.schema.enums import Execution
from nobs.schema.spec import RunSpec
from nobs.storage.owner import is_elsewhere
from nobs.storage.rundir import RunDir


class RunPhase(StrEnum):
    """Whether a run is running, and whether it has a launcher."""

    RUNNING = "running"
    """Its launcher waits for it."""
    ORPHANED = "orphaned"
    """It runs, but its launcher has died: `nobs attach` follows it."""
    ABANDONED = "abandoned"
    """It isn't running and was never finished: `nobs attach` finishes it."""
    ELSEWHERE = "elsewhere"
    """It was never finished and belongs to another machine, which can't be checked here."""
    FINISHED = "finished"


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """One run as `nobs ps` shows it."""

    run_id: str
    phase: RunPhase
    execution: Execution
    backend: str
    created: datetime
    steps_ok: int
    steps: int
    pid: int | None
    """Of its launcher, while that lives on this machine."""


def list_runs(results: Path, executors: Sequence[Executor]) -> Iterator[RunSummary]:
    """Yield the runs from the oldest on; directories that don't match their run are left out.

    A worker that none of `executors` sees counts as gone.
    """
    for file in sorted(results.glob("runs/*/spec.json")):
        run_dir = RunDir(file.parent.absolute())
        try:
            spec = run_dir.read_spec()
            if spec.run_id == run_dir.path.name:
                yield _summarise(run_dir, spec, executors)
        except StorageError:
            continue


def _summarise(run_dir: RunDir, spec: RunSpec, executors: Sequence[Executor]) -> RunSummary:
    state, alive = find_state(run_dir), owner_lives(run_dir)
    if is_finished(run_dir):
        phase = RunPhase.FINISHED
    elif state is not None and is_elsewhere(state.owner):
        phase = RunPhase.ELSEWHERE
    elif alive:
        phase = RunPhase.RUNNING
    else:
        goes_on = any(executor.is_running(run_dir) for executor in executors)
        phase = RunPhase.ORPHANED if goes_on else RunPhase.ABANDONED
    return RunSummary(
        run_id=spec.run_id,
        phase=phase,
        execution=spec.execution,
        backend=spec.backend,
        created=spec.created,
        steps_ok=len(spec.steps) - len(missing_steps(run_dir, spec)),
        steps=len(spec.steps),
        pid=state.owner.pid if state and alive and phase is not RunPhase.ELSEWHERE else None,
    )
