"""One container from creation to removal, also after errors."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from docker.errors import APIError, DockerException
from docker.models.containers import Container
from requests.exceptions import RequestException

from nobs.errors import BackendMissing
from nobs.launch.container.arguments import create_arguments
from nobs.launch.container.devices import DeviceRequest, explain_refusal
from nobs.launch.container.logs import OnLine
from nobs.launch.container.plan import LABEL_RUN_ID, BindMount, ContainerPlan
from nobs.launch.container.watch import ENGINE_RETURN_S, Watch, lost
from nobs.launch.engine.client import Engine
from nobs.schema.outcome import Outcome
from nobs.storage.files import make_directory

_LABEL_LAUNCH = "nobs.launch"


def run_container(
    engine: Engine,
    plan: ContainerPlan,
    on_line: OnLine,
    *,
    timeout_s: float | None = None,
    engine_return_s: float = ENGINE_RETURN_S,
) -> Outcome:
    """Run `plan` to its end; each line of its output goes to `on_line` once.

    KeyboardInterrupt and the end of `timeout_s` stop the container after a grace period.
    BackendMissing or EngineError if the engine refuses it, RunLost if the engine stops and
    isn't back within `engine_return_s`.
    """
    for mount in plan.mounts:
        make_source(mount)
    watch = Watch(
        on_line=on_line, timeout_s=timeout_s, engine_return_s=engine_return_s, engine=engine.info
    )
    refusals: list[BackendMissing] = []
    for request in plan.device_requests or (None,):
        try:
            with _created(engine, plan, request) as container:
                watch.follow(container, start=True)
                return watch.outcome(container)
        except BackendMissing as refusal:
            refusals.append(refusal)
    raise refusals[0]


def adopt_container(
    engine: Engine, run_id: str, on_line: OnLine, *, timeout_s: float | None = None
) -> Outcome | None:
    """Take over the container of a launcher that died; None if there is none.

    Every line of its output goes to `on_line`.
    """
    found = find_containers(engine, LABEL_RUN_ID, run_id)
    if not found:
        return None
    container, *_ = found
    watch = Watch(on_line=on_line, timeout_s=timeout_s)
    watch.follow(container)
    _remove(engine, LABEL_RUN_ID, run_id)
    return watch.outcome(container)


def find_containers(engine: Engine, label: str, value: str) -> list[Container]:
    """Return the containers with this label, in any state."""
    found: list[Container] = engine.client.containers.list(
        all=True, filters={"label": f"{label}={value}"}, ignore_removed=True
    )
    return found


def make_source(mount: BindMount) -> None:
    """Create the directory of `mount` as the calling user, as the engine would as root.

    StorageError if that fails.
    """
    if not mount.source.exists():
        remedy = (
            "Name a writable directory with --results, and one for the model cache with HF_HOME."
        )
        make_directory(mount.source, remedy, parents=True)


@contextmanager
def _created(
    engine: Engine, plan: ContainerPlan, request: DeviceRequest | None
) -> Iterator[Container]:
    # Another launcher's container may have this name; the label is unique. It finds the container
    # even if an interrupt came before the engine returned its id.
    launch = uuid.uuid4().hex
    arguments = create_arguments(plan, request)
    arguments["labels"][_LABEL_LAUNCH] = launch
    try:
        yield _create(engine, plan, arguments)
    finally:
        try:
            _remove(engine, _LABEL_LAUNCH, launch)
        except KeyboardInterrupt:
            _remove(engine, _LABEL_LAUNCH, launch)
            raise


def _create(engine: Engine, plan: ContainerPlan, arguments: dict[str, Any]) -> Container:
    try:
        return engine.client.containers.create(**arguments)
    except APIError as error:
        sources = [mount.source for mount in plan.mounts]
        raise explain_refusal(error, plan.image, engine.info, sources) from error
    except RequestException as error:
        raise lost(plan.name, error) from error


def _remove(engine: Engine, label: str, value: str) -> None:
    # A missing container is no error, and a dead engine has been reported already.
    with suppress(DockerException, RequestException):
        for container in find_containers(engine, label, value):
            container.remove(force=True, v=True)
