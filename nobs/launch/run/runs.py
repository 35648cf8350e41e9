"""The runs of a results directory and what has become of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from nobs.errors import StorageError
from nobs.launch.run.attach import worker_runs
from nobs.launch.run.ending import is_finished
from nobs.launch.run.ownership import find_state, owner_lives
from nobs.report.finish import missing_steps
from nobs.schema.base import Execution
from nobs.schema.spec import RunSpec
from nobs.storage.rundir import RunDir

if TYPE_CHECKING:
    from nobs.launch.engine.client import Engine


class RunPhase(StrEnum):
    """What a run is at."""

    RUNNING = "running"
    """Its launcher waits for it."""
    ORPHANED = "orphaned"
    """It goes on without a launcher: `nobs attach` picks it up."""
    LEFT = "left"
    """Nothing goes on, and nobody has brought it to its end: `nobs attach` does."""
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
    """Of its launcher, while that lives."""


def list_runs(results: Path, engine: "Engine | None") -> Iterator[RunSummary]:
    """Yield the runs from the oldest on; directories without a run of their name are left out.

    Without an engine the container of a run whose launcher has died counts as gone.
    """
    for file in sorted(results.glob("runs/*/spec.json")):
        run_dir = RunDir(file.parent.absolute())
        try:
            spec = run_dir.read_spec()
            if spec.run_id == run_dir.path.name:
                yield summarise(run_dir, spec, engine)
        except StorageError:
            continue


def summarise(run_dir: RunDir, spec: RunSpec, engine: "Engine | None") -> RunSummary:
    """Return what has become of a run."""
    state = find_state(run_dir)
    alive = owner_lives(run_dir)
    return RunSummary(
        run_id=spec.run_id,
        phase=_phase_of(run_dir, spec, engine, alive=alive),
        execution=spec.execution,
        backend=spec.backend,
        created=spec.created,
        steps_ok=len(spec.steps) - len(missing_steps(run_dir, spec)),
        steps=len(spec.steps),
        pid=state.owner.pid if state and alive else None,
    )


def _phase_of(run_dir: RunDir, spec: RunSpec, engine: "Engine | None", *, alive: bool) -> RunPhase:
    if is_finished(run_dir):
        return RunPhase.FINISHED
    if alive:
        return RunPhase.RUNNING
    return RunPhase.ORPHANED if worker_runs(run_dir, spec, engine) else RunPhase.LEFT
