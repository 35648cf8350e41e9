"""What the launcher asks of whatever carries a run out; nothing here depends on how it does."""

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
    """A worker that has ended, or is overdue, and whose launcher has died."""

    kind: str
    """As in `container`."""
    name: str
    run_dir: RunDir | None
    """Where its run is to be brought to its end; None if its directory is gone."""
    remove: Callable[[], None]
    """For a run without a directory; adopting does so too."""


class Executor(Protocol):
    """One way to carry out runs. A run is known by its directory, which its worker writes.

    Every method raises NobsError for what goes wrong outside this process.
    """

    def prepare(self, plan: Plan, on_event: OnEvent) -> Plan:
        """Have everything ready that outlives the run; return the plan with what was found."""
        return plan

    def run(self, plan: Plan, run_dir: RunDir, on_event: OnEvent) -> Outcome:
        """Fetch what is missing, start the worker and follow it until it has ended.

        KeyboardInterrupt and the end of the run's time stop it, and nothing of it is left.
        """

    def is_running(self, run_dir: RunDir) -> bool:
        """Return whether the run's worker is at work, whoever waits for it."""

    def adopt(self, run_dir: RunDir, state: RunState, timeout_s: float) -> Outcome:
        """Follow a worker whose launcher has died; stop it after `timeout_s`, at once if that is 0.

        One that has ended meanwhile may have left no exit code, see `end_unseen`.
        """

    def find_leftovers(self) -> Iterable[Leftover]:
        """Yield what launchers of this user on this machine have left."""
        return ()

    def prune(self) -> Iterable[str]:
        """Remove what `prepare` made and no later run will use; yield what was removed."""
        return ()

    def compare_environments(self, run_dir: RunDir) -> tuple[Environment, Environment]:
        """Return what the finished steps of the run depended on: as it was, and as it is now."""
        return {}, {}

    def close(self) -> None:
        """Close connections; workers go on."""


def end_unseen(spec: RunSpec, state: RunState, **known: Any) -> Outcome:  # noqa: ANN401 - fields
    """Return the outcome of a worker whose exit nobody saw."""
    return Outcome(
        execution=spec.execution, exit_code=None, started=state.since,
        finished=datetime.now(UTC), **known,
    )  # fmt: skip
