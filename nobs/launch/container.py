"""One container from creation to removal; nothing is left behind on any path."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from queue import Empty
from typing import Any

from docker.errors import APIError, DockerException
from docker.models.containers import Container
from requests.exceptions import RequestException

from nobs.errors import BackendMissing, EngineError, RunLost, StorageError
from nobs.launch.container_arguments import create_arguments
from nobs.launch.container_plan import BindMount, ContainerPlan
from nobs.launch.devices import DeviceRequest, explain_refusal
from nobs.launch.engine import Engine
from nobs.launch.logs import LineReader, OnLine, Pump, Stream
from nobs.schema.base import Execution
from nobs.schema.outcome import Outcome

GRACE_S = 10
_LABEL_LAUNCH = "nobs.launch"
_EXIT_OF_KILL = 137
# Windows delivers an interrupt only between waits.
_TICK_S = 0.2


@dataclass
class _Ending:
    timed_out: bool = False
    interrupted: bool = False


def run_container(
    engine: Engine,
    plan: ContainerPlan,
    on_line: OnLine,
    *,
    timeout_s: float | None = None,
) -> Outcome:
    """Run `plan` to its end and say how it ended; each line of its output goes to `on_line` once.

    KeyboardInterrupt and the end of `timeout_s` stop the container with ten seconds of grace.
    BackendMissing or EngineError if the engine refuses it, RunLost if the engine goes away.
    """
    prepare_sources(engine, plan)
    refusals: list[BackendMissing] = []
    for request in plan.device_requests or (None,):
        try:
            return _run_once(engine, plan, request, on_line, timeout_s)
        except BackendMissing as refusal:
            refusals.append(refusal)
    raise refusals[0]


def _run_once(
    engine: Engine,
    plan: ContainerPlan,
    request: DeviceRequest | None,
    on_line: OnLine,
    timeout_s: float | None,
) -> Outcome:
    readers = {stream: LineReader(stream, on_line) for stream in Stream}
    with _created(engine, plan, request) as container:
        try:
            ending = _run(container, plan, readers, timeout_s)
            _reconcile(container, readers)
            container.reload()
        except RequestException as error:
            raise _lost(plan, error) from error
    return read_outcome(container.attrs, ending.timed_out, ending.interrupted)


def prepare_sources(engine: Engine, plan: ContainerPlan) -> None:
    """Make the directories that will be mounted, as the calling user; the engine would as root."""
    if engine.info.remote and plan.mounts:
        raise EngineError(
            f"The engine at {engine.endpoint.described} is on another machine, where "
            f"{plan.mounts[0].source} isn't.",
            "Run NOBS on that machine, or choose the local engine: `docker context use default`.",
        )
    for mount in plan.mounts:
        make_source(mount)


def make_source(mount: BindMount) -> None:
    """Make the directory that `mount` needs; StorageError if that fails."""
    if mount.source.exists():
        return
    try:
        mount.source.mkdir(parents=True)
    except OSError as error:
        raise StorageError(
            f"Can't make the directory {mount.source}: {error.strerror or error}.",
            "Name a writable directory with --results, and one for the model cache with HF_HOME.",
        ) from error


@contextmanager
def _created(
    engine: Engine, plan: ContainerPlan, request: DeviceRequest | None
) -> Iterator[Container]:
    # The name may belong to another launcher's container; this label is ours alone. It finds the
    # container also if we were interrupted before the engine told us its id.
    launch = uuid.uuid4().hex
    arguments = create_arguments(plan, request)
    arguments["labels"][_LABEL_LAUNCH] = launch
    try:
        yield _create(engine, plan, arguments)
    finally:
        try:
            _remove(engine, launch)
        except KeyboardInterrupt:
            _remove(engine, launch)
            raise


def _create(engine: Engine, plan: ContainerPlan, arguments: dict[str, Any]) -> Container:
    try:
        return engine.client.containers.create(**arguments)
    except APIError as error:
        raise explain_refusal(str(error.explanation or error), plan.image) from error
    except RequestException as error:
        raise _lost(plan, error) from error


def _remove(engine: Engine, launch: str) -> None:
    # Removing what is gone is no error, and a dead engine has been told of already.
    with suppress(DockerException, RequestException):
        for container in engine.client.containers.list(
            all=True, filters={"label": f"{_LABEL_LAUNCH}={launch}"}, ignore_removed=True
        ):
            container.remove(force=True, v=True)


def _run(
    container: Container,
    plan: ContainerPlan,
    readers: dict[Stream, LineReader],
    timeout_s: float | None,
) -> _Ending:
    deadline = time.monotonic() + timeout_s if timeout_s is not None else None
    with _attached(container) as pump:
        _start(container, plan)
        ending = _Ending()
        try:
            ending.timed_out = not _follow(container, pump, readers, deadline)
        except KeyboardInterrupt:
            ending.interrupted = True
        # What is written from here on comes from the record: an interrupt may have cut a line.
        if ending.timed_out or ending.interrupted:
            _stop(container)
    return ending


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
        # The stream leaves its response, and with it the connection, open.
        frames._response.close()  # type: ignore[attr-defined]  # noqa: SLF001


def _start(container: Container, plan: ContainerPlan) -> None:
    try:
        container.start()
    except APIError as error:
        raise explain_refusal(str(error.explanation or error), plan.image) from error


def _follow(
    container: Container,
    pump: Pump,
    readers: dict[Stream, LineReader],
    deadline: float | None,
) -> bool:
    """Deliver lines until the container has ended; False if the deadline came first."""
    if not _deliver(pump, readers, deadline):
        return False
    left = None if deadline is None else max(0.1, deadline - time.monotonic())
    try:
        container.wait(timeout=left)
    except RequestException:
        if deadline is None or time.monotonic() < deadline:
            raise
        return False
    return True


def _deliver(pump: Pump, readers: dict[Stream, LineReader], deadline: float | None) -> bool:
    """Hand out frames until the stream ends; False if the deadline came first."""
    while deadline is None or time.monotonic() < deadline:
        try:
            frame = pump.queue.get(timeout=_TICK_S)
        except Empty:
            continue
        if frame is None:
            return True
        for stream, chunk in zip(Stream, frame, strict=True):
            if chunk:
                readers[stream].feed(chunk)
    return False


def _stop(container: Container) -> None:
    try:
        container.stop(timeout=GRACE_S)
    except KeyboardInterrupt:
        # Asked twice: no more grace.
        with suppress(APIError):
            container.kill()
        container.wait(timeout=GRACE_S)


def _reconcile(container: Container, readers: dict[Stream, LineReader]) -> None:
    for stream, reader in readers.items():
        is_stdout = stream is Stream.STDOUT
        reader.reconcile([container.logs(stdout=is_stdout, stderr=not is_stdout)])


def read_outcome(attributes: dict[str, Any], timed_out: bool, interrupted: bool) -> Outcome:  # noqa: FBT001 - two plain facts
    """Read how a container ended from what the engine's inspection says."""
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


def _lost(plan: ContainerPlan, error: Exception) -> RunLost:
    return RunLost(
        f"The container engine stopped answering during the run of {plan.name}: {error}.",
        f"Check the engine; if the container still runs, `docker logs -f {plan.name}` shows it.",
    )
