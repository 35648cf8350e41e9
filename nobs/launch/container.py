"""One container from creation to removal; nothing is left behind on any path."""

import signal
import threading
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
from docker.types import DeviceRequest as SdkDeviceRequest
from docker.types import LogConfig, Mount
from requests.exceptions import RequestException

from nobs.errors import EngineError, RunLost, StorageError
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

    SIGINT, SIGTERM and the end of `timeout_s` stop the container with ten seconds of grace.
    BackendMissing or EngineError if the engine refuses it, RunLost if the engine goes away.
    """
    prepare_sources(engine, plan)
    readers = {stream: LineReader(stream, on_line) for stream in Stream}
    with _sigterm_as_interrupt(), _created(engine, plan) as container:
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
        _prepare(mount)


def _prepare(mount: BindMount) -> None:
    if mount.source.exists():
        return
    try:
        mount.source.mkdir(parents=True)
    except OSError as error:
        raise StorageError(
            f"Can't make the directory {mount.source}: {error.strerror or error}.",
            "Name a writable directory with --results, and one for the model cache with HF_HOME.",
        ) from error


def create_arguments(plan: ContainerPlan) -> dict[str, Any]:
    """Translate `plan` into the SDK's words."""
    return {
        "image": plan.image,
        "entrypoint": list(plan.command),
        "name": plan.name,
        "user": f"{plan.uid}:{plan.gid}",
        "group_add": [str(group) for group in plan.groups],
        "mounts": [_mount(mount) for mount in plan.mounts],
        "devices": [f"{node.source}:{node.target}:rw" for node in plan.devices],
        "device_requests": [_request(plan.device_request)] if plan.device_request else [],
        "environment": dict(plan.environment),
        "network_mode": plan.network,
        "tmpfs": dict(plan.tmpfs),
        "read_only": plan.read_only,
        "cap_drop": ["ALL"],
        "security_opt": list(plan.security_options),
        "userns_mode": plan.userns_mode,
        "pids_limit": plan.pids_limit,
        "shm_size": plan.shm_bytes,
        "mem_limit": plan.memory_bytes,
        "memswap_limit": plan.memory_bytes,
        "init": True,
        "healthcheck": {"test": ["NONE"]},
        "working_dir": "/tmp",  # noqa: S108 - the container's own tmpfs
        "labels": dict(plan.labels),
        "log_config": LogConfig(type="json-file", config={"max-size": "256m", "max-file": "2"}),
    }


def _mount(mount: BindMount) -> Mount:
    return Mount(mount.target, str(mount.source), type="bind", read_only=mount.read_only)


def _request(request: DeviceRequest) -> SdkDeviceRequest:
    # The engine's own drivers say "all" with a count, CDI with a name.
    is_all = request.driver != "cdi" and request.device_ids == ("all",)
    return SdkDeviceRequest(
        driver=request.driver,
        count=-1 if is_all else 0,
        device_ids=[] if is_all else list(request.device_ids),
        capabilities=[list(request.capabilities)] if request.capabilities else [],
    )


@contextmanager
def _created(engine: Engine, plan: ContainerPlan) -> Iterator[Container]:
    # The name may belong to another launcher's container; this label is ours alone. It finds the
    # container also if we were interrupted before the engine told us its id.
    launch = uuid.uuid4().hex
    arguments = create_arguments(plan)
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
        frames.close()


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
        reader.reconcile(container.logs(stdout=is_stdout, stderr=not is_stdout, stream=True))


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


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
