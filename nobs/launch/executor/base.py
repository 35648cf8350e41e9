"""The interface between the launcher and an executor of runs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from nobs.launch.output import OnEvent
from nobs.launch.planning.plan import Plan
from nobs.schema.outcome import Outcome
from nobs.schema.spec import RunSpec
from nobs.schema.state import RunState
from nobs.storage.rundir import RunDir

Environment = Mapping[str, Any]
GRACE_S = 15.0
"""How long an interrupted or overdue worker may take to write its report."""


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """A worker that has ended or is overdue, and whose launcher has died."""

    kind: str
    """As in `container`."""
    name: str
    run_dir: RunDir | None
    """The run to finish; None if its directory is gone."""
    remove: Callable[[], None]
    """Remove the worker of a run without a directory; adopting does so too."""


class Executor(Protocol):
    """Executes runs. A run is identified by its directory, which its worker writes.

    Every method raises NobsError for failures outside this process.
    """

    def prepare(self, plan: Plan, on_event: OnEvent) -> Plan:
        """Prepare what outlives the run, such as an image; return the completed plan."""
        return plan

    def run(self, plan: Plan, run_dir: RunDir, on_event: OnEvent) -> Outcome:
        """Fetch what is missing, start the worker and follow it until it has ended.

        KeyboardInterrupt and the end of the run's time stop and remove it.
        """

    def is_running(self, run_dir: RunDir) -> bool:
        """Return whether the run's worker is running, with or without a launcher."""

    def adopt(self, run_dir: RunDir, state: RunState, timeout_s: float) -> Outcome:
        """Follow a worker whose launcher has died; stop it after `timeout_s`, at once if that is 0.

        One that has already ended may have no exit code, see `end_unseen`.
        """

    def find_leftovers(self) -> Iterable[Leftover]:
        """Yield leftover workers of this user's launchers on this machine."""
        return ()

    def prune(self) -> Iterable[str]:
        """Remove and yield what `prepare` made and no later run will use."""
        return ()

    def compare_environments(self, run_dir: RunDir) -> tuple[Environment, Environment]:
        """Return the environment that the run's finished steps depended on, then and now."""
        return {}, {}

    def close(self) -> None:
        """Close connections; workers keep running."""


def end_unseen(spec: RunSpec, state: RunState, **known: Any) -> Outcome:  # noqa: ANN401 - fields
    """Return the outcome of a worker whose exit is unknown."""
    return Outcome(
        execution=spec.execution, exit_code=None, started=state.since,
        finished=datetime.now(UTC), **known,
    )  # fmt: skip
