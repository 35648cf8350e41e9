"""Everything that `nobs doctor` checks: what a run on one backend needs, within seconds."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from docker.errors import APIError
from requests.exceptions import RequestException

from nobs.backends import BACKENDS
from nobs.backends.base import BackendTarget
from nobs.catalog import Catalog
from nobs.data.hub_cache import pins_of
from nobs.errors import EngineError, NobsError
from nobs.launch.doctor.card import check_card
from nobs.launch.doctor.check import Check, State
from nobs.launch.doctor.disk import (
    check_cache,
    check_cache_room,
    check_engine_room,
    check_hub,
    check_results,
)
from nobs.launch.doctor.engine import (
    ask_buildx,
    check_buildx,
    check_engine,
    check_gpu_runtime,
    check_mounts,
    check_proxy,
    explain_no_engine,
)
from nobs.launch.doctor.host import (
    check_device_files,
    check_driver,
    check_python,
    check_worker,
)
from nobs.launch.doctor.server import check_server
from nobs.launch.engine.client import Engine, connect
from nobs.launch.engine.proxies import read_proxies
from nobs.providers.base import OnProgress
from nobs.schema.enums import Backend
from nobs.schema.server import Api, ServerRequest
from nobs.settings import hf_home, hub_cache, hub_endpoint, hub_offline, in_container
from nobs.system.accelerators import detect_backend, find_accelerators, find_broken
from nobs.system.gpus import Accelerators
from nobs.system.packages import find_version
from nobs.system.probe import LocalMachine
from nobs.tasks import TASKS

ENGINE_S = 5


def examine(
    asked_for: Backend | None,
    results: Path,
    catalog: Catalog,
    server: ServerRequest,
    on_progress: OnProgress,
) -> list[Check]:
    """Return every check for `asked_for`, or for the detected backend if that is None."""
    machine = LocalMachine()
    accelerators = find_accelerators(machine)
    return [
        check_python(),
        *_check_executions(asked_for, accelerators, machine, results),
        check_results(results),
        check_cache(hf_home(), hub_cache(), pins_of(catalog.workloads.values())),
        check_cache_room(hub_cache()),
        check_hub(hub_endpoint(), offline=hub_offline()),
        check_server(server, _served_apis(), on_progress),
    ]


def has_failed(checks: Sequence[Check]) -> bool:
    """Return whether anything that a run needs is missing."""
    return any(check.state is State.FAIL for check in checks)


def _check_executions(
    asked_for: Backend | None, accelerators: Accelerators, machine: LocalMachine, results: Path
) -> Iterator[Check]:
    """Check container and native execution: either may be missing while the other works."""
    broken = find_broken(accelerators)
    backend = asked_for or (broken.backend if broken else detect_backend(accelerators))
    target = BACKENDS.load(backend)
    engine, error = _find_engine(backend)
    workers = list(_check_workers(target, needed=engine is None))
    has_worker = any(check.state is State.OK for check in workers)
    with engine or contextlib.nullcontext():
        info = engine.info if engine else None
        yield check_driver(target, accelerators, is_auto=asked_for is None)
        if (files := check_device_files(target, accelerators)) is not None:
            yield files
        if (card := check_card(target, accelerators)) is not None:
            yield card
        yield from workers
        yield check_engine(engine) if engine else explain_no_engine(error, needed=not has_worker)
        if info is not None:
            yield check_mounts(info, (results, hf_home()))
            if proxies := read_proxies(os.environ):
                yield check_proxy(proxies, info)
        yield check_buildx(ask_buildx(machine) if engine else None, present=engine is not None)
        yield check_gpu_runtime(target, accelerators, info, needed=not has_worker)
        yield check_engine_room(_data_root(engine) if engine else None, backend)


def _check_workers(target: BackendTarget, *, needed: bool) -> Iterator[Check]:
    """Check the packages of each task that has any, and whether third parties' tasks load."""
    for name in TASKS:
        try:
            task = TASKS.load(name)
        except NobsError as error:
            yield Check.warn(f"task {name}", error.message, error.remedy)
            continue
        if task.packages:
            versions = {package: find_version(package) for package in task.packages}
            yield check_worker(task, target, versions, needed=needed)


def _served_apis() -> tuple[Api, ...]:
    """Return what the tasks ask servers for, in the order of the tasks."""
    apis: list[Api] = []
    for name in TASKS:
        # Those that can't be loaded have a check of their own.
        with contextlib.suppress(NobsError):
            task = TASKS.load(name)
            if not task.uses_device:
                apis.append(task.api)
    return tuple(dict.fromkeys(apis))


def _find_engine(backend: Backend) -> tuple[Engine | None, EngineError | None]:
    if in_container() or BACKENDS.load(backend).container_refusal:
        return None, None
    try:
        return connect(timeout_s=ENGINE_S), None
    except EngineError as error:
        return None, error


def _data_root(engine: Engine) -> str | None:
    """Return where the engine keeps its images, None if that is no directory of this machine."""
    if engine.info.remote or engine.info.desktop:
        return None
    try:
        root = engine.client.info().get("DockerRootDir")
    except (APIError, RequestException):
        return None
    return root if isinstance(root, str) and Path(root).exists() else None
