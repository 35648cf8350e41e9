"""Whole runs of the third party's faulty task in containers, begun by `nobs run --resume`.

What the task needs lies in the run's directory, the only one that a container shares with its host.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from nobs.launch.container.plan import LABEL_RUN_ID, RUN_DIR_IN_CONTAINER
from nobs.launch.engine.client import connect
from nobs.launch.image.build import find_tagged
from nobs.schema.enums import Execution
from nobs.schema.spec import RunSpec
from nobs.storage.rundir import RunDir
from tests.container.launching import BASE_IMAGE
from tests.fakes.rounds import (
    FAKES,
    RUN_ID,
    await_,
    change_spec,
    has_begun,
    ordered_run,
    reason_of,
    start,
)

IMAGE = "nobs-test:faulty"
RESUME = ("run", "--resume", RUN_ID)
# Of all the libraries of a real image those that a step needs whose torch is a stand-in: an engine
# of a test's own is given the image in seconds.
RECIPE = f"""
FROM nobs:cpu AS whole
USER 0:0
RUN mkdir /light && cd /opt/venv/lib/python3*/site-packages && cp -R annotated_types anyio \\
    certifi click dotenv filelock fsspec h11 httpcore2 httpx2 huggingface_hub idna packaging \\
    psutil pyarrow pydantic pydantic_core safetensors sniffio structlog tqdm truststore \\
    typing_extensions.py typing_inspection yaml *.dist-info /opt/nobs/nobs /light
FROM {BASE_IMAGE}
RUN ln -sf "$(command -v python3)" /usr/local/bin/python
COPY --from=whole /light /opt/light
COPY task_plugin light_torch /opt/light
ENV PYTHONPATH=/opt/light PYTHONDONTWRITEBYTECODE=1 NOBS_IN_CONTAINER=1 FAULT_FULL=/run-dir/filling
"""


def build_faulty(engine: str) -> None:
    """Build the image of the faulty task under the name `IMAGE`."""
    subprocess.run(
        ["docker", "buildx", "build", "--load", "--tag", IMAGE, "--file", "-", str(FAKES)],
        env=os.environ | {"DOCKER_HOST": engine, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"},
        input=RECIPE, text=True, capture_output=True, check=True,
    )  # fmt: skip


def contained_run(
    engine: str, home: Path, *faults: str, image: str = IMAGE, **changes: Any
) -> RunDir:
    """Order a run with one step for each fault, in a container of this engine."""
    run_dir = ordered_run(home, *faults, **changes)
    for name in ("models", "texts.txt"):
        shutil.move(home / name, run_dir.path / name)
    order = run_dir.read_spec().model_dump_json(by_alias=True)
    order = order.replace(str(home), RUN_DIR_IN_CONTAINER)
    run_dir.write(run_dir.spec_file, RunSpec.model_validate_json(order))
    with connect({"DOCKER_HOST": engine}) as connection:
        change_spec(
            run_dir,
            execution=Execution.CONTAINER,
            image=find_tagged(connection, image),
            engine=connection.ref,
        )
    return run_dir


@contextmanager
def under_way(engine: str, run_dir: RunDir, at: str) -> "Iterator[subprocess.Popen[str]]":
    """Begin the run and wait until the step `at` works; its launcher has ended after the block."""
    with start(run_dir, *RESUME, DOCKER_HOST=engine) as launcher:
        await_(lambda: has_begun(run_dir, at) or launcher.poll() is not None)
        assert launcher.poll() is None, launcher.communicate()
        yield launcher
        launcher.communicate(timeout=120)


def ends_of(run_dir: RunDir) -> list[str]:
    """Return how each step has ended."""
    return [reason_of(run_dir, step.id) for step in run_dir.read_spec().steps]


def let_go(run_dir: RunDir) -> None:
    """Let the step that waits go on."""
    (run_dir.path / "models/waits/go").touch()


def container_of(client: docker.DockerClient, run_dir: RunDir) -> Container:
    """Return the container of a run that is under way."""
    (found,) = client.containers.list(filters={"label": f"{LABEL_RUN_ID}={run_dir.path.name}"})
    return found


def pids_of(container: Container) -> list[int]:
    """Return the machine's ids of its processes: init, supervisor, server of steps, step."""
    table = container.top()
    return sorted(int(row[table["Titles"].index("PID")]) for row in table["Processes"])
