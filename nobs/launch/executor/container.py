"""Runs in a container of a local engine, which outlives its launcher."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from docker.errors import DockerException
from docker.models.containers import Container
from requests.exceptions import RequestException

from nobs.backends import BACKENDS
from nobs.data.hub_cache import unfetched
from nobs.errors import EngineError
from nobs.launch.container.life import adopt_container, find_containers, run_container
from nobs.launch.container.plan import (
    CACHE_IN_CONTAINER,
    LABEL_DEADLINE,
    LABEL_OWNER,
    LABEL_PROCESS,
    LABEL_RUN_ID,
    RUN_DIR_IN_CONTAINER,
    ContainerPlan,
    owner_name,
)
from nobs.launch.engine.client import Engine
from nobs.launch.executor.base import GRACE_S, Environment, Executor, Leftover, end_unseen
from nobs.launch.image.build import ensure_image, find_tagged, remove_old_images
from nobs.launch.image.buildx import OnOutput
from nobs.launch.image.plan import LABEL_TORCH_ARCHS
from nobs.launch.image.pull import pull_image
from nobs.launch.output import OnEvent, Output, count_recorded
from nobs.launch.planning.plan import Plan
from nobs.schema.outcome import Outcome
from nobs.schema.spec import ImageRef, RunSpec
from nobs.schema.state import RunState
from nobs.storage.owner import is_alive, this_owner
from nobs.storage.rundir import RunDir
from nobs.tasks.definitions import is_complete_model

_AT_WORK = ("running", "paused")


class ContainerExecutor(Executor):
    """Build the image, fetch in one container and measure in another."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def prepare(self, plan: Plan, on_event: OnEvent) -> Plan:
        """Build or pull the image if needed; check that its torch has kernels for this GPU."""

        def show(line: str) -> None:
            on_event({"event": "image.output", "text": line})

        if plan.image is not None:
            image = ensure_image(self._engine, plan.image, show)
        elif plan.is_pulled and plan.spec.image is not None:
            image = self._pull(plan.spec, plan.spec.image.tag, show)
        else:
            return plan
        archs = image.labels.get(LABEL_TORCH_ARCHS, "")
        BACKENDS.load(plan.spec.backend).check_image(plan.accelerators, archs)
        return replace(plan, spec=plan.spec.model_copy(update={"image": image}))

    def run(self, plan: Plan, run_dir: RunDir, on_event: OnEvent) -> Outcome:
        """Fetch with a network and without a device, then measure the other way round."""
        if plan.container is None:
            raise RuntimeError("a plan with an image has a container")
        output = Output(run_dir, on_event)
        if plan.fetch is not None and _needs_fetch(plan.spec, plan.fetch):
            outcome = self._contain(plan.fetch, plan.spec, output)
            is_over = outcome.exit_code != 0 or outcome.interrupted or outcome.timed_out
            if is_over or all(run_dir.find_result(step.id) for step in plan.spec.steps):
                return outcome
        return self._contain(plan.container, plan.spec, output)

    def is_running(self, run_dir: RunDir) -> bool:
        """Return whether a container of the run is running or paused."""
        with _engine_errors():
            found = find_containers(self._engine, LABEL_RUN_ID, run_dir.path.name)
            return any(container.status in _AT_WORK for container in found)

    def adopt(self, run_dir: RunDir, state: RunState, timeout_s: float) -> Outcome:
        """Follow the run's container; lines that its launcher has recorded are not repeated."""
        recorded = count_recorded(run_dir, state.events_offset)
        output = Output(run_dir, lambda _: None, recorded)
        with _engine_errors():
            outcome = adopt_container(self._engine, run_dir.path.name, output, timeout_s=timeout_s)
        return outcome or end_unseen(run_dir.read_spec(), state, error="Its container is gone.")

    def find_leftovers(self) -> Iterator[Leftover]:
        """Yield containers with this user's and machine's label that ended or are overdue."""
        with _engine_errors():
            found = find_containers(self._engine, LABEL_OWNER, owner_name())
        for container in found:
            is_at_work = container.status in _AT_WORK and not _is_overdue(container)
            if not (is_at_work or _launcher_lives(container)):
                yield Leftover(
                    kind="container", name=str(container.name), run_dir=_find_run_dir(container),
                    remove=partial(_remove, container),
                )  # fmt: skip

    def prune(self) -> Iterator[str]:
        """Remove images that newer ones of the same backend have replaced."""
        with _engine_errors():
            yield from (f"image {tag}" for tag in remove_old_images(self._engine))

    def compare_environments(self, run_dir: RunDir) -> tuple[Environment, Environment]:
        """Compare the image: libraries come with it."""
        before = run_dir.read_spec().image
        now = find_tagged(self._engine, before.tag) if before else None
        found = now.id if now else "no image of this tag"
        return {"image": before and before.id}, {"image": found}

    def close(self) -> None:
        """Close the connection to the engine."""
        self._engine.close()

    def _pull(self, spec: RunSpec, name: str, on_output: OnOutput) -> ImageRef:
        expected = {
            "nobs.version": spec.nobs_version,
            "nobs.commit": spec.nobs_commit or "",
            "nobs.backend": spec.backend,
        }
        return pull_image(self._engine, name, expected=expected, on_output=on_output)

    def _contain(self, plan: ContainerPlan, spec: RunSpec, output: Output) -> Outcome:
        outcome = run_container(self._engine, plan, output, timeout_s=spec.timeout_s + GRACE_S)
        if output.failure is not None:
            raise EngineError(
                f"The worker can't start in its container, which mounts "
                f"{plan.mounts[0].source}: {output.failure['message']}",
                output.failure["remedy"],
            )
        return outcome


@contextmanager
def _engine_errors() -> Iterator[None]:
    try:
        yield
    except (DockerException, RequestException) as error:
        raise EngineError(
            f"The container engine failed: {error}.", "Check `docker ps` and `nobs doctor`."
        ) from error


def _remove(container: Container) -> None:
    with _engine_errors():
        container.remove(force=True, v=True)


def _needs_fetch(spec: RunSpec, fetch: ContainerPlan) -> bool:
    (cache,) = (each.source for each in fetch.mounts if each.target == CACHE_IN_CONTAINER)
    return bool(unfetched(spec.workloads, cache / "hub", is_complete_model))


def _find_run_dir(container: Container) -> RunDir | None:
    """Return the run directory that is mounted; None if it is gone or holds another run."""
    for mount in container.attrs["Mounts"]:
        if mount["Destination"] == RUN_DIR_IN_CONTAINER:
            run_dir = RunDir(Path(mount["Source"]))
            is_its_own = container.labels.get(LABEL_RUN_ID) == run_dir.path.name
            return run_dir if is_its_own and run_dir.spec_file.is_file() else None
    return None


def _launcher_lives(container: Container) -> bool:
    pid, _, started = container.labels.get(LABEL_PROCESS, "").partition(":")
    return is_alive(this_owner().model_copy(update={"pid": int(pid or 0), "started": started}))


def _is_overdue(container: Container) -> bool:
    deadline = container.labels.get(LABEL_DEADLINE)
    if deadline is None:
        return False
    grace = timedelta(seconds=2 * GRACE_S)
    return datetime.now(UTC) > datetime.fromisoformat(deadline) + grace
