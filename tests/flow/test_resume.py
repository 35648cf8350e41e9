"""`nobs run --resume`: what is missing is done, what is there stays, and changes are refused."""

import json
import shutil
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from nobs import __version__
from nobs.storage.rundir import RunDir
from tests.fakes.rounds import (
    LIGHT,
    RUN_ID,
    change_spec,
    events_of,
    finish,
    ordered_run,
    reason_of,
    result_of,
)


@pytest.fixture
def run_dir(tmp_path: Path) -> RunDir:
    return ordered_run(tmp_path, "fine", "repaired", "last")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run that has been measured once; one of its steps has failed."""
    run_dir = ordered_run(tmp_path_factory.mktemp("begun"), "fine", "repaired", "last")
    resume(run_dir)
    return run_dir


@pytest.fixture
def begun_run(begun: RunDir, tmp_path: Path) -> RunDir:
    """A copy of it."""
    shutil.copytree(begun.results, tmp_path / "results")
    return RunDir(tmp_path / "results" / begun.path.relative_to(begun.results))


def resume(run_dir: RunDir, *options: str) -> "CompletedProcess[str]":
    return finish(run_dir, "run", "--resume", RUN_ID, *options, paths=(LIGHT,))


def test_only_what_did_not_end_as_ok_is_done_again(run_dir: RunDir) -> None:
    assert resume(run_dir).returncode == 1
    assert reason_of(run_dir, "repaired") == "failed: benchmark"
    kept = run_dir.result_file("fine").read_bytes()
    (run_dir.path.parents[2] / "models/repaired/repair").touch()

    done = resume(run_dir, "--json")

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [model["status"] for model in report["tasks"][0]["models"].values()] == ["ok"] * 3
    assert run_dir.result_file("fine").read_bytes() == kept
    started = [event["step"] for event in events_of(run_dir) if event["event"] == "step.started"]
    assert started == ["fine", "repaired", "last", "repaired"]
    assert "1 of 3 steps are missing" in done.stderr


def test_a_run_of_another_machine_is_refused_with_the_difference(run_dir: RunDir) -> None:
    device = run_dir.read_spec().device_info.model_copy(update={"processor": "An abacus (2)"})
    change_spec(run_dir, device_info=device, nobs_version="0.0.1")

    done = resume(run_dir)

    assert done.returncode == 2
    assert "device.processor was An abacus (2), is " in done.stderr
    assert f"nobs_version was 0.0.1, is {__version__}" in done.stderr
    assert not run_dir.events_file.exists()


def test_an_order_changed_after_measuring_is_refused(begun_run: RunDir) -> None:
    (workload,) = begun_run.read_spec().workloads
    params = workload.params.model_copy(update={"batch_size": 64})
    change_spec(begun_run, workloads=(workload.model_copy(update={"params": params}),))

    done = resume(begun_run)

    assert done.returncode == 2
    assert "faulty.params.batch_size was 16, is 64" in done.stderr


@pytest.mark.long
def test_a_task_that_was_measured_first_is_compared_with_its_own_order(run_dir: RunDir) -> None:
    spec = run_dir.read_spec()
    (workload,) = spec.workloads
    params = workload.params.model_copy(update={"batch_size": 64})
    later = workload.model_copy(update={"version": 2, "params": params})
    steps = tuple(step.model_copy(update={"workload": 1}) for step in spec.steps)
    change_spec(run_dir, workloads=(later, workload), steps=steps)
    resume(run_dir)

    assert resume(run_dir).returncode == 1, "a step failed, and nothing differs"


@pytest.mark.parametrize("name", ["no-such-run", "../runs/a-run", ""])
def test_a_run_that_is_not_there_is_refused(run_dir: RunDir, name: str) -> None:
    done = resume(run_dir, "--resume", name)

    assert done.returncode == 2
    assert f"There is no run {name!r}" in done.stderr


def test_options_of_the_order_cannot_be_said_again(run_dir: RunDir) -> None:
    done = resume(run_dir, "--rows", "3")

    assert done.returncode == 2
    assert "--rows can't be combined with --resume" in done.stderr


def test_other_weights_of_the_order_are_refused(begun_run: RunDir) -> None:
    (workload,) = begun_run.read_spec().workloads
    first, *others = workload.models
    models = (first.model_copy(update={"revision": "another"}), *others[:-1])
    change_spec(begun_run, workloads=(workload.model_copy(update={"models": models}),))

    done = resume(begun_run)

    assert done.returncode == 2
    assert f"faulty.models.{first.id}.revision was None, is another" in done.stderr
    assert f"faulty.models.{others[-1].id} was " in done.stderr


def test_other_libraries_than_the_finished_steps_had_are_refused(begun_run: RunDir) -> None:
    result = result_of(begun_run, "fine")
    libraries = result.environment["libraries"] | {"numpy": "0.1", "forgotten": "2"}
    environment = result.environment | {"libraries": libraries}
    begun_run.write(
        begun_run.result_file("fine"), result.model_copy(update={"environment": environment})
    )

    done = resume(begun_run)

    assert done.returncode == 2
    assert "libraries.numpy was 0.1, is " in done.stderr
    assert "libraries.forgotten was 2, is None" in done.stderr
