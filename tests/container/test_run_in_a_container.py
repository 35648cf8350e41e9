"""Whole runs in containers: real weights on the CPU, and GPUs that are none refused inside."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import docker
import pytest

from nobs.backends import BACKENDS
from nobs.backends.base import ContainerNeeds
from nobs.backends.rocm import Rocm
from nobs.errors import FailureClass
from nobs.launch.container.plan import COMMAND
from nobs.launch.engine.client import connect
from nobs.schema.enums import Backend
from nobs.schema.result import StepResult
from nobs.storage.rundir import RunDir
from nobs.system.gpus import Accelerators
from tests.container.launching import USER, Launch
from tests.fakes import encoders
from tests.fakes.runs import order, quick_workload

QUICK = (
    "--profile", "quick", "--task", "embeddings,llms", "--backend", "cpu", "--rows", "6",
    "--repeats", "3", "--yes",
)  # fmt: skip
MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def nobs_run(engine: str, results: Path, *options: str) -> list[str]:
    return [
        sys.executable, "-m", "nobs", "run", "--execution", "container", "--results",
        str(results), *QUICK, *options,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def finished(
    engine: str, cpu_image: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], str]:
    """One run through the command line: its results, its report and its stderr."""
    results = tmp_path_factory.mktemp("run") / "results"
    done = subprocess.run(
        nobs_run(engine, results, "--json"), env=os.environ | {"DOCKER_HOST": engine},
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return results, json.loads(done.stdout), done.stderr


def test_report_says_where_and_with_what_it_was_measured(
    finished: tuple[Path, dict[str, Any], str], cpu_image: str
) -> None:
    _, report, _ = finished
    run, model = report["run"], report["tasks"][0]["models"][MODEL]

    assert (run["execution"], run["status"]) == ("container", "ok")
    assert run["image"]["id"].startswith("sha256:")
    assert (
        run["image"]["labels"]["nobs.torch.version"].split("+")[0]
        == (report["environment"]["libraries"]["torch"])
    )
    assert run["engine"]["version"]
    assert (model["status"], model["embedding_dimension"], len(model["all_runs"])) == ("ok", 384, 3)
    assert [check["passed"] for check in model["checks"]] == [True, True]


def test_models_and_texts_of_the_user_s_own_are_measured(
    engine: str, cpu_image: str, tmp_path: Path
) -> None:
    """Paths with colons: as in https://github.com/twosixlabs/armory/issues/1267."""
    texts, model = tmp_path / "te:xts, ü.txt", tmp_path / "mo:del, ü"
    texts.write_text("The kettle boils.\n" * 6, encoding="utf-8")
    encoders.saved(model, *encoders.pooled(tmp_path / "parts"))
    done = subprocess.run(
        nobs_run(engine, tmp_path / "re:sults, ü", "--json", "--task", "embeddings",
                 "--model", str(model), "--dataset", str(texts)),
        env=os.environ | {"DOCKER_HOST": engine},
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(model) in json.loads(done.stdout)["tasks"][0]["models"]


def test_llm_of_the_host_is_measured_from_a_container_without_a_network(
    finished: tuple[Path, dict[str, Any], str],
) -> None:
    (model,) = finished[1]["tasks"][1]["models"].values()
    server = model["server"]

    assert (model["status"], model["failures"], len(model["all_runs"])) == ("ok", {}, 3)
    assert (server["provider"], server["locality"]) == ("llamacpp", "local")
    assert server["socket"] == "/run/nobs/server.sock"
    assert finished[1]["tasks"][1]["task_score"] > 0


def test_files_belong_to_the_caller(finished: tuple[Path, dict[str, Any], str]) -> None:
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in finished[0].rglob("*")}

    assert owners == {(os.getuid(), os.getgid())}


def test_nothing_is_left_in_the_engine(
    finished: tuple[Path, dict[str, Any], str], client: docker.DockerClient
) -> None:
    run_id = finished[1]["run"]["id"]

    assert client.containers.list(all=True, filters={"label": f"nobs.run_id={run_id}"}) == []


def test_packages_need_no_network(finished: tuple[Path, dict[str, Any], str]) -> None:
    spec = next(finished[0].glob("runs/*/spec.json")).read_text()

    assert json.loads(spec)["offline"]


def test_interrupted_run_keeps_a_valid_report_and_no_container(
    engine: str, cpu_image: str, tmp_path: Path, client: docker.DockerClient
) -> None:
    results = tmp_path / "results"
    process = subprocess.Popen(
        nobs_run(engine, results, "--rows", "100", "--repeats", "1000"),
        env=os.environ | {"DOCKER_HOST": engine}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "repeat 1/1000" in line:
            break
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert time.monotonic() - asked < 10
    run_dir = RunDir(next((results / "runs").iterdir()))

    assert process.returncode == 130
    assert run_dir.read_outcome().interrupted
    assert run_dir.read_report().tasks[0].models[MODEL].failure is not None
    label = f"nobs.run_id={run_dir.path.name}"
    assert client.containers.list(all=True, filters={"label": label}) == []


@pytest.fixture
def on(tmp_path: Path) -> Iterator[Callable[[str], Launch]]:
    """Return a function that prepares a launch on the engine at an address."""
    with ExitStack() as stack:
        yield lambda address: Launch(
            stack.enter_context(connect({"DOCKER_HOST": address})), tmp_path / "unused"
        )


def refuse(
    launch: Launch, tmp_path: Path, backend: Backend, needs: ContainerNeeds, image: str
) -> tuple[int | None, StepResult]:
    """Run one step that must refuse; return the container's exit code and the result."""
    run_dir = order(tmp_path / "results", quick_workload(), backend=backend)
    if USER:
        for path in (run_dir.path, run_dir.path / "steps"):
            os.chown(path, *USER)
    outcome = launch.run(
        "", run_dir=run_dir.path, needs=needs, image=image, command=COMMAND, timeout_s=200
    )
    result = run_dir.find_result(MODEL.partition("/")[2])
    assert result is not None
    assert result.failure is not None
    assert result.failure.failure_class is FailureClass.BACKEND_MISSING
    assert launch.left_behind() == []
    return outcome.exit_code, result


@pytest.mark.stand_ins
@pytest.mark.parametrize("address", ["engine", "second_engine"])
def test_stand_in_nvidia_gpu_starts_and_is_refused_inside(
    on: Callable[[str], Launch],
    address: str,
    cuda_image: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    needs = BACKENDS.load("cuda").container_needs(Accelerators())
    launch = on(request.getfixturevalue(address))

    code, result = refuse(launch, tmp_path, Backend.CUDA, needs, cuda_image)

    assert code == 3
    assert result.samples == ()
    assert result.failure is not None
    assert "finds no cuda device" in result.failure.message


@pytest.mark.stand_ins
def test_stand_in_amd_nodes_are_handed_over_and_refused_inside(
    on: Callable[[str], Launch], engine: str, cuda_image: str, tmp_path: Path
) -> None:
    machine = tmp_path / "machine"
    (machine / "dev/dri").mkdir(parents=True)
    for name in ("dev/kfd", "dev/dri/renderD128"):
        os.mknod(machine / name, stat.S_IFCHR | 0o660, os.makedev(1, 3))
    needs = Rocm(root=machine).container_needs(Accelerators())

    code, result = refuse(on(engine), tmp_path, Backend.ROCM, needs, cuda_image)

    assert code == 3
    assert result.samples == ()
    assert result.failure is not None
    assert "built without rocm" in result.failure.message
