"""A backend of a package outside the tree, from `nobs run` to the page, by its entry point."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.loader import hub_environment

PACKAGE = Path(__file__).resolve().parents[1] / "fakes" / "backend_plugin"
QUICK = ("run", "--profile", "quick", "--task", "embeddings", "--rows", "6", "--repeats", "2")


def nobs(tmp_path: Path, *words: str, installed: bool = True) -> subprocess.CompletedProcess[str]:
    environment = hub_environment("http://127.0.0.1:9", tmp_path / "hf")
    if installed:
        environment["PYTHONPATH"] = str(PACKAGE)
    return subprocess.run(
        [sys.executable, "-m", "nobs", *words], env=environment, capture_output=True, text=True,
        timeout=300, check=False, cwd=tmp_path,
    )  # fmt: skip


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("npu")
    done = nobs(tmp_path, *QUICK, "--backend", "npu")
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_its_report_names_the_device_that_computed(measured: Path) -> None:
    (file,) = (measured / "results").glob("report_*.json")
    shown = nobs(measured, "report", "--format", "html", "--output", "page.html")
    ruling = nobs(measured, "validate", str(file))

    assert '"device": "npu"' in file.read_text()
    assert '"gpu_name": "A stand-in NPU"' in file.read_text()
    assert (shown.returncode, ruling.returncode) == (0, 0), shown.stderr + ruling.stderr
    assert "A stand-in NPU" in (measured / "page.html").read_text()


def test_its_report_is_read_where_the_package_is_not_installed(measured: Path) -> None:
    (file,) = (measured / "results").glob("report_*.json")
    shown = nobs(measured, "report", installed=False)
    ruling = nobs(measured, "validate", str(file), installed=False)

    assert (shown.returncode, ruling.returncode) == (0, 0), shown.stderr + ruling.stderr
    assert "A stand-in NPU" in shown.stdout


def test_without_the_package_its_name_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    done = nobs(tmp_path, *QUICK, "--backend", "npu", installed=False)

    assert done.returncode == 2
    assert "'npu' is not one of auto, cuda, rocm, mps, cpu" in done.stderr


def test_it_never_runs_in_a_container_that_nobody_built(tmp_path: Path) -> None:
    done = nobs(tmp_path, *QUICK, "--backend", "npu", "--execution", "container")

    assert done.returncode == 2
    assert "The backend npu can't run in a container" in done.stderr
