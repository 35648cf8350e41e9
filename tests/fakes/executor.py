"""An executor without processes, for tests of the launcher."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nobs.launch.executor.base import Environment, Executor, Leftover, end_unseen
from nobs.launch.output import OnEvent
from nobs.launch.planning.plan import Plan
from nobs.schema.outcome import Outcome
from nobs.schema.spec import RunSpec
from nobs.schema.state import RunState
from nobs.storage.rundir import RunDir


@dataclass(kw_only=True)
class FakeExecutor(Executor):
    """Call `work` instead of a worker, and record each method's name in `calls`."""

    work: Callable[[RunDir, OnEvent], None] = lambda run_dir, on_event: None
    exit_code: int | None = 0
    running: set[str] = field(default_factory=set)
    """Ids of runs with a running worker; adopting one ends it."""
    leftovers: list[Leftover] = field(default_factory=list)
    environments: tuple[Environment, Environment] = ({}, {})
    calls: list[str] = field(default_factory=list)

    def prepare(self, plan: Plan, on_event: OnEvent) -> Plan:
        """Return the plan as it is."""
        self.calls.append("prepare")
        return plan

    def run(self, plan: Plan, run_dir: RunDir, on_event: OnEvent) -> Outcome:
        """Call `work` at once; a KeyboardInterrupt gives an interrupted outcome."""
        self.calls.append("run")
        started = datetime.now(UTC)
        try:
            self.work(run_dir, on_event)
        except KeyboardInterrupt:
            return self._outcome(plan.spec, started, interrupted=True)
        return self._outcome(plan.spec, started)

    def is_running(self, run_dir: RunDir) -> bool:
        """Return whether `running` names the run."""
        return run_dir.path.name in self.running

    def adopt(self, run_dir: RunDir, state: RunState, timeout_s: float) -> Outcome:
        """End a running worker: by its work, or as timed out if it has no time left."""
        self.calls.append("adopt")
        spec = run_dir.read_spec()
        if not self.is_running(run_dir):
            return end_unseen(spec, state)
        self.running.discard(run_dir.path.name)
        if timeout_s > 0:
            self.work(run_dir, lambda _: None)
        return self._outcome(spec, state.since, timed_out=timeout_s <= 0)

    def find_leftovers(self) -> Iterator[Leftover]:
        """Yield `leftovers`."""
        yield from self.leftovers

    def compare_environments(self, run_dir: RunDir) -> tuple[Environment, Environment]:
        """Return `environments`."""
        return self.environments

    def close(self) -> None:
        """Record the call."""
        self.calls.append("close")

    def _outcome(self, spec: RunSpec, started: datetime, **seen: bool) -> Outcome:
        return Outcome(
            execution=spec.execution, exit_code=self.exit_code, started=started,
            finished=datetime.now(UTC), **seen,
        )  # fmt: skip
