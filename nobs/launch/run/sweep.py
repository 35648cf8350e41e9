"""What launchers that died have left in the engine: brought to its end and removed.

Only containers that carry this user's and this machine's label are ever looked at.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from docker.errors import DockerException
from docker.models.containers import Container
from requests.exceptions import RequestException

from nobs.errors import NobsError
from nobs.launch.container.life import find_containers
from nobs.launch.container.plan import (
    LABEL_DEADLINE,
    LABEL_OWNER,
    LABEL_PROCESS,
    LABEL_RUN_ID,
    RUN_DIR_IN_CONTAINER,
    owner_name,
)
from nobs.launch.engine.client import Engine
from nobs.launch.run.attach import take_over
from nobs.launch.run.native import GRACE_S
from nobs.launch.run.ownership import owner_lives
from nobs.storage.rundir import RunDir
from nobs.system.processes import is_alive, this_owner


def sweep(engine: Engine) -> list[str]:
    """Remove the containers of dead launchers that have ended or are overdue; return their names.

    What they said and how they ended stands in their run directories afterwards. One that still
    works within its time is left to `nobs attach`.
    """
    return [
        str(container.name)
        for container in find_containers(engine, LABEL_OWNER, owner_name())
        if is_left_over(container) and _collect(engine, container)
    ]


def is_left_over(container: Container) -> bool:
    """Tell whether nobody waits for the container and nothing useful goes on in it."""
    if _launcher_lives(container):
        return False
    return container.status not in ("running", "paused") or _is_overdue(container)


def run_dir_of(container: Container) -> RunDir | None:
    """Return the run directory that is mounted, None if it is gone."""
    sources = [
        mount["Source"]
        for mount in container.attrs["Mounts"]
        if mount["Destination"] == RUN_DIR_IN_CONTAINER
    ]
    run_dir = RunDir(Path(sources[0])) if sources else None
    return run_dir if run_dir is not None and run_dir.spec_file.is_file() else None


def _launcher_lives(container: Container) -> bool:
    pid, _, started = container.labels.get(LABEL_PROCESS, "").partition(":")
    owner = this_owner().model_copy(update={"pid": int(pid or 0), "started": started})
    run_dir = run_dir_of(container)
    return is_alive(owner) or (run_dir is not None and owner_lives(run_dir))


def _is_overdue(container: Container) -> bool:
    deadline = container.labels.get(LABEL_DEADLINE)
    if deadline is None:
        return False
    grace = timedelta(seconds=2 * GRACE_S)
    return datetime.now(UTC) > datetime.fromisoformat(deadline) + grace


def _collect(engine: Engine, container: Container) -> bool:
    run_dir = run_dir_of(container)
    # Sweeping is for others' sake: what goes wrong here must not keep a new run from starting.
    with suppress(NobsError, DockerException, RequestException):
        if run_dir is not None and container.labels.get(LABEL_RUN_ID) == run_dir.path.name:
            take_over(run_dir, run_dir.read_spec(), engine)
        else:
            container.remove(force=True, v=True)
        return True
    return False
