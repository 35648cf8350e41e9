"""A resumed container run: the image must be the one that the run began with."""

import os
import subprocess
import sys
from pathlib import Path

import docker

from nobs.schema.enums import Status
from nobs.storage.rundir import RunDir

RUN = (sys.executable, "-m", "nobs", "run")
QUICK = ("--profile", "quick", "--task", "embeddings", "--backend", "cpu", "--execution",
         "container", "--rows", "6", "--repeats", "3", "--yes")  # fmt: skip


def nobs(engine: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, *words], env=os.environ | {"DOCKER_HOST": engine}, capture_output=True, text=True,
        timeout=500, check=False,
    )  # fmt: skip


def test_a_container_run_is_resumed_and_refused_on_another_image(
    engine: str, cpu_image: str, client: docker.DockerClient, tmp_path: Path
) -> None:
    results = str(tmp_path / "results")
    assert nobs(engine, *QUICK, "--results", results).returncode == 0
    run_dir = RunDir(next((tmp_path / "results/runs").iterdir()))
    spec = run_dir.read_spec()
    (step,) = spec.steps
    run_dir.result_file(step.id).unlink()

    done = nobs(engine, "--resume", spec.run_id, "--results", results)

    assert done.returncode == 0, done.stderr
    result = run_dir.find_result(step.id)
    assert result is not None
    assert result.status is Status.OK
    assert client.containers.list(all=True, filters={"label": f"nobs.run_id={spec.run_id}"}) == []

    assert spec.image is not None
    other = spec.image.model_copy(update={"id": "sha256:0"})
    run_dir.write(run_dir.spec_file, spec.model_copy(update={"image": other}))
    refused = nobs(engine, "--resume", spec.run_id, "--results", results)
    assert refused.returncode == 2
    assert f"image was sha256:0, is {spec.image.id}" in refused.stderr
