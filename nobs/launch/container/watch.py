"""Follows a container: its output, its deadline and how it ended."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty
from typing import Any

from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from requests.exceptions import RequestException

from nobs.errors import RunLost
from nobs.launch.container.devices import explain_refusal
from nobs.launch.container.logs import LineReader, OnLine, Pump, Stream
from nobs.launch.engine.info import EngineInfo
from nobs.schema.enums import Execution
from nobs.schema.outcome import Outcome

GRACE_S = 8
"""An interrupted container must end within ten seconds."""
ENGINE_RETURN_S = 60.0
_ENDED = ("created", "exited", "dead")
"""States without a process; a container that was only created has a dead launcher."""
_EXIT_OF_KILL = 137
# Windows delivers an interrupt only between waits.
_TICK_S = 0.2


@dataclass(kw_only=True)
class Watch:
    """Follow one container to its end, also over a restart of the engine."""

    on_line: OnLine
    timeout_s: float | None = None
    engine_return_s: float = ENGINE_RETURN_S
    engine: EngineInfo = field(default_factory=EngineInfo)
    timed_out: bool = False
    interrupted: bool = False
    removed: bool = False
    """Whether another program removed it while it ran."""
    error: str = ""
    _readers: dict[Stream, LineReader] = field(init=False)
    _deadline: float | None = field(init=False)
    _began: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._began = datetime.now(UTC)
        self._readers = {stream: LineReader(stream, self.on_line) for stream in Stream}
        self._deadline = None if self.timeout_s is None else time.monotonic() + self.timeout_s

    def follow(self, container: Container, *, start: bool = False) -> None:
        """Deliver every line once until the container has ended; RunLost if that is unknown."""
        try:
            self._follow_over_restarts(container, start=start)
        except NotFound:
            self.removed = True

    def outcome(self, container: Container) -> Outcome:
        """Return how the container ended."""
        outcome = read_outcome(container.attrs, self.timed_out, self.interrupted)
        if self.removed:
            return outcome.model_copy(
                update={
                    "exit_code": None,
                    "error": "Its container was removed while it ran.",
                    "started": self._began,
                    "finished": datetime.now(UTC),
                }
            )
        return outcome.model_copy(update={"error": f"{outcome.error} {self.error}".strip()})

    def _follow_over_restarts(self, container: Container, *, start: bool) -> None:
        try:
            self._follow(container, start=start)
        except RequestException as error:
            self._await_engine(container, error)
            self.error = "The container engine stopped meanwhile."
            self._readers = {
                stream: LineReader(stream, self.on_line, skip=reader.delivered)
                for stream, reader in self._readers.items()
            }
            self._follow_over_restarts(container, start=False)

    def _follow(self, container: Container, *, start: bool) -> None:
        container.reload()
        if start or container.status not in _ENDED:
            self._attend(container, start=start)
        self._reconcile(container)
        container.reload()

    def _attend(self, container: Container, *, start: bool) -> None:
        with _attached(container) if start else nullcontext() as pump:
            if start:
                _start(container, self.engine)
            try:
                self.timed_out = not self._await_end(container, pump)
            except KeyboardInterrupt:
                self.interrupted = True
            # Later lines come from the record: an interrupt may have cut one.
            if self.timed_out or self.interrupted:
                _stop(container)

    def _await_end(self, container: Container, pump: Pump | None) -> bool:
        """Deliver lines until the container has ended; False if the deadline came first.

        A running container isn't attached: lines get lost between the engine's replay and the live
        stream. The record has them all.
        """
        if pump is not None and not self._deliver(pump):
            return False
        left = None if self._deadline is None else max(0.1, self._deadline - time.monotonic())
        try:
            container.wait(timeout=left)
        except RequestException:
            if not self._is_overdue():
                raise
            return False
        return True

    def _deliver(self, pump: Pump) -> bool:
        """Deliver frames until the stream ends; False if the deadline came first."""
        while not self._is_overdue():
            try:
                frame = pump.queue.get(timeout=_TICK_S)
            except Empty:
                continue
            if frame is None:
                return True
            for stream, chunk in zip(Stream, frame, strict=True):
                if chunk:
                    self._readers[stream].feed(chunk)
        return False

    def _is_overdue(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _reconcile(self, container: Container) -> None:
        for stream, reader in self._readers.items():
            is_stdout = stream is Stream.STDOUT
            reader.reconcile(container.logs(stdout=is_stdout, stderr=not is_stdout))

    def _await_engine(self, container: Container, error: Exception) -> None:
        deadline = time.monotonic() + self.engine_return_s
        while time.monotonic() < deadline:
            time.sleep(_TICK_S)
            try:
                container.reload()
            except NotFound:
                raise
            except (RequestException, APIError):
                continue
            return
        raise lost(str(container.name), error) from error


@contextmanager
def _attached(container: Container) -> Iterator[Pump]:
    frames = container.attach(stdout=True, stderr=True, stream=True, demux=True)
    pump = Pump(frames)
    pump.start()
    try:
        yield pump
    finally:
        with suppress(OSError, DockerException):
            frames.close()
        pump.join()
        # Closing the stream doesn't close its response and connection.
        frames._response.close()  # type: ignore[attr-defined]  # noqa: SLF001


def _start(container: Container, engine: EngineInfo) -> None:
    try:
        container.start()
    except APIError as error:
        image = container.attrs["Config"]["Image"]
        sources = [Path(mount["Source"]) for mount in container.attrs.get("Mounts") or ()]
        raise explain_refusal(error, image, engine, sources) from error


def _stop(container: Container) -> None:
    try:
        container.stop(timeout=GRACE_S)
    except KeyboardInterrupt:
        # The second interrupt ends the grace period.
        with suppress(APIError):
            container.kill()
        container.wait(timeout=GRACE_S)


def read_outcome(attributes: dict[str, Any], timed_out: bool, interrupted: bool) -> Outcome:  # noqa: FBT001 - two plain facts
    """Return the outcome from the engine's inspection of a container."""
    state = attributes["State"]
    return Outcome(
        execution=Execution.CONTAINER,
        exit_code=state.get("ExitCode", _EXIT_OF_KILL),
        oom_killed=state.get("OOMKilled", False),
        timed_out=timed_out,
        interrupted=interrupted,
        error=state.get("Error", ""),
        started=datetime.fromisoformat(state["StartedAt"]),
        finished=datetime.fromisoformat(state["FinishedAt"]),
        container_id=attributes["Id"],
        image_id=attributes["Image"],
    )


def lost(name: str, error: Exception) -> RunLost:
    """Return the error of an engine that stopped and didn't come back."""
    return RunLost(
        f"The container engine stopped answering while {name} ran: {error}.",
        f"Start the engine, then `nobs attach {name.removeprefix('nobs-')}`.",
    )
