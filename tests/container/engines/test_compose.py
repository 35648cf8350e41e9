"""`docker compose run nobs`, as somebody with a fresh clone types it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[3]
OWNER = (1234, 1235)
BACKENDS = sorted(file.stem for file in (REPO / "docker").glob("*.Dockerfile"))


def compose(project: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", "compose", "--project-directory", str(project), *arguments]
    return subprocess.run(
        command,
        check=False,
        cwd=project,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=1700,
    )


@pytest.fixture
def project(tmp_path: Path, engine: str) -> Iterator[Path]:
    """A clone's compose files, with results that belong to OWNER."""
    shutil.copy(REPO / "compose.yaml", tmp_path)
    shutil.copytree(REPO / "compose", tmp_path / "compose")
    results = tmp_path / "results"
    results.mkdir()
    if os.getuid() == 0:
        os.chown(results, *OWNER)
    yield tmp_path
    compose(tmp_path, "down", "--volumes")


def service(project: Path, backend: str) -> dict[str, Any]:
    done = compose(project, "config", "--format", "json", NOBS_BACKEND=backend)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["services"]["nobs"]
    return found


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_is_hardened_and_knows_its_image(project: Path, backend: str) -> None:
    found = service(project, backend)
    assert found["image"] == f"nobs:{backend}"
    assert found["build"]["dockerfile"] == f"docker/{backend}.Dockerfile"
    assert found["cap_drop"] == ["ALL"]
    assert found["read_only"] is True
    assert found["security_opt"] == ["no-new-privileges:true"]


def test_gpus_are_asked_for_in_words_that_older_compose_knows(project: Path) -> None:
    devices = service(project, "cuda")["deploy"]["resources"]["reservations"]["devices"]
    assert [(each["driver"], each["capabilities"]) for each in devices] == [("nvidia", ["gpu"])]
    assert {each["source"] for each in service(project, "rocm")["devices"]} == {
        "/dev/kfd",
        "/dev/dri",
    }


@pytest.mark.parametrize(
    ("text", "image", "model"),
    [
        pytest.param("NOBS_BACKEND=\nNOBS_HF_CACHE=\nNOBS_UID=\n", "nobs:cpu", None, id="empty"),
        pytest.param("NOBS_BACKEND='cuda'\n", "nobs:cuda", None, id="quotes"),
        pytest.param("NOBS_BACKEND=cuda  \n", "nobs:cuda", None, id="spaces"),
        pytest.param("NOBS_BACKEND=cuda\r\nLLM_MODEL_NAME=m\r\n", "nobs:cuda", "m", id="crlf"),
        pytest.param('LLM_MODEL_NAME="a # b"\n', "nobs:cpu", "a # b", id="hash-in-quotes"),
        pytest.param("LLM_MODEL_NAME=a # b\n", "nobs:cpu", "a", id="comment"),
        pytest.param("LLM_MODEL_NAME='$HOME'\n", "nobs:cpu", "$$HOME", id="dollar-in-quotes"),
        pytest.param("LLM_MODEL_NAME=$(id)\n", "nobs:cpu", "$$(id)", id="command"),
        pytest.param(f"LLM_MODEL_NAME={'m' * 50_000}\n", "nobs:cpu", "m" * 50_000, id="long"),
    ],
)
def test_an_odd_env_file_is_read_as_it_is_meant(
    project: Path, text: str, image: str, model: str | None
) -> None:
    """`config` writes a dollar that it takes as it is twice."""
    (project / ".env").write_text(text, newline="")
    done = compose(project, "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["services"]["nobs"]
    assert (found["image"], found["environment"]["LLM_MODEL_NAME"]) == (image, model)


@pytest.mark.parametrize("backend", ["../x", "../../etc/passwd", "nosuch", "service", "$(id)"])
def test_a_backend_that_is_none_starts_nothing(project: Path, backend: str) -> None:
    (project / ".env").write_text(f"NOBS_BACKEND={backend}\n")
    done = compose(project, "run", "--rm", "-T", "nobs", "--version")
    assert done.returncode != 0
    assert done.stdout == ""
    assert ".yaml" in done.stderr


@pytest.mark.parametrize("results", ["absent", "file"])
def test_results_that_are_no_directory_are_neither_made_nor_replaced(
    project: Path, cpu_image: str, results: str
) -> None:
    (project / "results").rmdir()
    if results == "file":
        (project / "results").write_text("precious")
    done = compose(project, "run", "--rm", "-T", "nobs", "tasks", NOBS_BACKEND="cpu")
    assert done.returncode != 0
    assert "results" in done.stderr
    assert results == "absent" or (project / "results").read_text() == "precious"
    assert (project / "results").exists() is (results == "file")


@pytest.mark.timeout(1800)  # All four tasks: beside other work on two cores they take long.
def test_quick_run_gives_a_report_that_belongs_to_the_owner_of_results(
    project: Path, cpu_image: str
) -> None:
    done = compose(
        project,
        "run",
        "--rm",
        "-T",
        "nobs",
        NOBS_PROFILE="quick",
        HF_HUB_OFFLINE="1",
        NOBS_BACKEND="cpu",
    )
    assert done.returncode == 0, done.stderr
    (report,) = (project / "results").glob("report_*.json")
    model, *_ = json.loads(report.read_text())["tasks"][0]["models"].values()
    assert model["final_median_rows_per_second"] > 0
    owners = {(file.stat().st_uid, file.stat().st_gid) for file in (project / "results").rglob("*")}
    assert owners == {((project / "results").stat().st_uid, (project / "results").stat().st_gid)}
