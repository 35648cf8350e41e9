"""A fresh process for each step: forked after the imports, or started one by one."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from nobs.log import END_MARK, Event, get_logger, parse_line
from nobs.settings import hide_secrets
from nobs.storage.rundir import RunDir
from nobs.supervisor.processes import DeadlineReached, RunnerProcess, Stream, kill_group, terminate

MAX_IMPORT_S = 600.0
MAX_OUTPUT_CHARS = 4 << 20
STOP_S = 5.0
"""How long an interrupted step may take to write its result; engines kill after 8 seconds."""
KILL_S = 10.0
"""How long the server may take to reap a step that was killed."""
log = get_logger()


@dataclass(frozen=True, kw_only=True)
class StepExit:
    """How a child ended: negative codes are signals; None is unknown."""

    exit_code: int | None
    timed_out: bool = False


class StepRunner(Protocol):
    """Runs the steps of a run, one after the other."""

    def run(self, step: str, deadline: float) -> StepExit:
        """Run `step` in its own process until it ends or `deadline` (monotonic seconds)."""

    def stop(self) -> None:
        """Ask the running step to keep its finished repeats, and wait until it has ended."""

    def close(self) -> None:
        """End every remaining process."""


class Relay:
    """Turn lines of children into events: events unchanged, other output as `step.output`.

    A step may write `MAX_OUTPUT_CHARS` of output, so that a flood doesn't fill the disk; the rest
    is counted and dropped.
    """

    def __init__(self, write: Callable[[Event], None]) -> None:
        self._write = write
        self._written = 0

    def __call__(self, step: str | None, stream: Stream, line: str) -> Event | None:
        """Pass a line on; return the event that it was, if it was one."""
        event = parse_line(line) if stream == "stdout" else None
        if event is not None:
            self._write(event)
        elif text := line.rsplit("\r", 1)[-1].strip():
            self._written += len(text)
            if self._written <= MAX_OUTPUT_CHARS:
                log.info("step.output", step=step, stream=stream, text=hide_secrets(text))
        return event

    def end_step(self, step: str) -> None:
        """Log how much of the step's output was dropped, and begin a new count."""
        dropped = self._written - MAX_OUTPUT_CHARS
        self._written = 0
        if dropped > 0:
            log.warning("step.output_dropped", step=step, characters=dropped)


class SpawnedSteps:
    """One new process per step, with its own imports."""

    def __init__(self, run_dir: RunDir, relay: Relay) -> None:
        self._run_dir = run_dir
        self._relay = relay
        self._process: RunnerProcess | None = None

    def run(self, step: str, deadline: float) -> StepExit:
        """Run `step` until its pipes end."""
        self._process = RunnerProcess(str(self._run_dir.path), step)
        timed_out = False
        try:
            for stream, line in self._process.lines(deadline):
                self._relay(step, stream, line)
        except DeadlineReached:
            timed_out = True
        return StepExit(exit_code=self._process.stop(), timed_out=timed_out)

    def stop(self) -> None:
        """Relay what the step still says until its pipes end."""
        if self._process is not None and terminate(self._process.process.pid):
            with contextlib.suppress(DeadlineReached):
                for stream, line in self._process.lines(time.monotonic() + STOP_S):
                    self._relay(None, stream, line)

    def close(self) -> None:
        """Kill the step that is running."""
        if self._process is not None:
            self._process.stop()


class ForkedSteps:
    """A server that has imported the heavy libraries and forks a child for each step.

    After it ended, `others` runs the remaining steps.
    """

    def __init__(self, server: RunnerProcess, relay: Relay, others: StepRunner) -> None:
        self._relay = relay
        self._server = server
        self._others = others
        self._child: int | None = None
        self._step = ""

    def await_ready(self, deadline: float) -> bool:
        """Wait until the imports are done; False if the server can't fork safely."""
        try:
            for stream, line in self._server.lines(min(deadline, time.monotonic() + MAX_IMPORT_S)):
                event = self._relay(None, stream, line)
                if event is not None and event["event"] == "forkserver.ready":
                    return True
        except DeadlineReached:
            pass
        return False

    def run(self, step: str, deadline: float) -> StepExit:
        """Request `step` and read until its child has ended."""
        if not self._server.request(step):
            return self._others.run(step, deadline)
        self._step = step
        code: int | None = None
        timed_out = False
        try:
            code = self._follow(step, deadline)
        except DeadlineReached:
            timed_out = True
            self._kill_child()
            with contextlib.suppress(DeadlineReached):
                code = self._follow(step, time.monotonic() + KILL_S)
        self._child = None
        return StepExit(exit_code=code, timed_out=timed_out)

    def stop(self) -> None:
        """Relay what the child still says until it has ended."""
        if self._child is None:
            self._others.stop()
        elif terminate(self._child):
            with contextlib.suppress(DeadlineReached):
                self._follow(self._step, time.monotonic() + STOP_S)

    def close(self) -> None:
        """Kill the child that is running, then the server."""
        self._kill_child()
        self._server.stop()
        self._others.close()

    def _follow(self, step: str, deadline: float) -> int | None:
        """Relay until child and output have ended; None if the server died."""
        code: int | None = None
        drained = False
        for stream, line in self._server.lines(deadline):
            if stream == "stderr" and line == f"{END_MARK}{step}":
                drained = True
            elif event := self._relay(step, stream, line):
                if event["event"] == "child.started":
                    self._child = int(event["pid"])
                elif event["event"] == "child.exited":
                    code = int(event["exit_code"])
            if drained and code is not None:
                break
        return code

    def _kill_child(self) -> None:
        if self._child is not None:
            kill_group(self._child)
            self._child = None


def open_steps(
    run_dir: RunDir, server: RunnerProcess | None, relay: Relay, deadline: float
) -> StepRunner:
    """Return the runner of steps: forked from `server` if that is safe here."""
    spawned = SpawnedSteps(run_dir, relay)
    if server is not None:
        forked = ForkedSteps(server, relay, spawned)
        if forked.await_ready(deadline):
            return forked
        forked.close()
    return spawned
