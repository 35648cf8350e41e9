"""A launcher without the bench extra: what it can do, and what it says of the rest."""

import json
from pathlib import Path

import pytest

from tests.fakes.command import environment
from tests.fakes.launcher_only import make_packages, run_launcher

QUICK = ("--profile", "quick", "--backend", "cpu")
INSTALL = 'pip install "nobs[bench]"'


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_packages(tmp_path_factory.mktemp("launcher") / "packages")


@pytest.mark.long
def test_prefetch_names_the_extra(packages: Path, tmp_path: Path) -> None:
    done = run_launcher(packages, "prefetch", cwd=tmp_path, env=environment(tmp_path))
    assert done.returncode == 3
    assert "needs the package huggingface_hub" in done.stderr
    assert INSTALL in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_native_run_names_the_extra(packages: Path, tmp_path: Path) -> None:
    words = ("run", *QUICK, "--execution", "native")
    done = run_launcher(packages, *words, cwd=tmp_path, env=environment(tmp_path))
    assert (done.returncode, done.stdout) == (3, "")
    assert INSTALL in done.stderr


@pytest.mark.long
def test_auto_without_an_engine_names_the_engine(packages: Path, tmp_path: Path) -> None:
    done = run_launcher(packages, "run", *QUICK, cwd=tmp_path, env=environment(tmp_path))
    assert (done.returncode, done.stdout) == (3, "")
    assert "No container engine runs at" in done.stderr


@pytest.mark.long
def test_the_doctor_fails_without_any_way_to_run(packages: Path, tmp_path: Path) -> None:
    words = ("doctor", "--backend", "cpu", "--json")
    done = run_launcher(packages, *words, cwd=tmp_path, env=environment(tmp_path))
    states = {check["name"]: check["state"] for check in json.loads(done.stdout)}
    assert done.returncode == 3
    assert (states["worker"], states["engine"]) == ("fail", "fail")


@pytest.mark.parametrize(
    "command",
    ["info", *(pytest.param(command, marks=pytest.mark.long) for command in ("tasks", "models"))],
)
def test_what_the_launcher_can_tell(packages: Path, tmp_path: Path, command: str) -> None:
    done = run_launcher(packages, command, cwd=tmp_path, env=environment(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout
