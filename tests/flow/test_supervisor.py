"""The supervisor with real children whose task misbehaves in every way."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nobs.errors import FailureClass
from nobs.report.build import seal
from nobs.schema.enums import Backend, Status
from nobs.schema.pins import ModelPin
from nobs.storage.rundir import RunDir
from tests.fakes.forked import REPO
from tests.fakes.hub import fake_hub
from tests.fakes.rounds import LIGHT, PLUGIN, await_, events_of, result_of
from tests.fakes.runs import faulty_workload, order
from tests.fakes.traces import find_traces

PATHS = (LIGHT, PLUGIN, REPO)
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PATHS))}
FAULTS = ("fine", "raises", "exhausts", "killed", "exits", "hangs", "prints", "last")


def start(run_dir: RunDir) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "nobs.supervisor", str(run_dir.path)],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def failure_of(run_dir: RunDir, step: str) -> FailureClass:
    failure = result_of(run_dir, step).failure
    assert failure is not None
    return failure.failure_class


@pytest.fixture(scope="module")
def faulty_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDir, str, int]:
    """One run of every fault; returns its directory, its stdout and its exit code."""
    tmp_path = tmp_path_factory.mktemp("faulty")
    run_dir = order(
        tmp_path / "results", faulty_workload(tmp_path, *FAULTS), step_timeouts={"hangs": 1.5}
    )
    process = start(run_dir)
    stdout, stderr = process.communicate(timeout=120)
    assert stderr == ""
    return run_dir, stdout, process.returncode


def test_every_step_leaves_a_result_that_says_why(faulty_run: tuple[RunDir, str, int]) -> None:
    run_dir, _, _ = faulty_run

    ends = {step: result_of(run_dir, step) for step in FAULTS}
    assert {
        step: (end.status, end.failure.failure_class if end.failure else None)
        for step, end in ends.items()
    } == {
        "fine": (Status.OK, None),
        "raises": (Status.FAILED, FailureClass.BENCHMARK),
        "exhausts": (Status.FAILED, FailureClass.OOM),
        "killed": (Status.LOST, FailureClass.INFRA),
        "exits": (Status.LOST, FailureClass.INFRA),
        "hangs": (Status.FAILED, FailureClass.TIMEOUT),
        "prints": (Status.OK, None),
        "last": (Status.OK, None),
    }


def test_gravest_failure_decides_the_exit_code(faulty_run: tuple[RunDir, str, int]) -> None:
    assert faulty_run[2] == 5


def test_report_holds_every_step_and_a_valid_digest(faulty_run: tuple[RunDir, str, int]) -> None:
    report = faulty_run[0].read_report()

    assert list(FAULTS) == [Path(name).name for name in report.tasks[0].models]
    assert report.digest == seal(report).digest
    assert report.tasks[0].task_score is None
    assert report.run.finished is not None


def test_stdout_and_events_file_hold_the_same_lines(faulty_run: tuple[RunDir, str, int]) -> None:
    run_dir, stdout, _ = faulty_run

    assert run_dir.events_file.read_text() == stdout
    assert {"a-run"} == {event.get("run_id") for event in events_of(run_dir)}


def test_what_a_library_prints_becomes_events(faulty_run: tuple[RunDir, str, int]) -> None:
    outputs = [e for e in events_of(faulty_run[0]) if e["event"] == "step.output"]
    said = [e["text"] for e in outputs if e["step"] == "prints"]

    assert "".join(said[:-2]) == "x" * 200_000
    assert said[-2:] == ['{"event": "forged.event"}', "no newline from C"]


def test_steps_run_in_fresh_processes_that_share_one_import(
    faulty_run: tuple[RunDir, str, int],
) -> None:
    first, last = (result_of(faulty_run[0], step) for step in ("fine", "last"))

    assert first.facts["pid"] != last.facts["pid"]
    assert first.phases.import_shared
    assert first.phases.import_s == last.phases.import_s


def test_a_task_brings_inputs_and_evidence_of_its_own(faulty_run: tuple[RunDir, str, int]) -> None:
    result, (task,) = result_of(faulty_run[0], "fine"), faulty_run[0].read_report().tasks

    assert result.facts["first"] == {"line": "one"}
    assert task.workload.data is not None
    assert task.workload.data.model_extra is not None
    assert task.workload.data.model_extra["longest"] == 3
    assert {"torch", "pydantic"} <= set(result.environment["libraries"])


def test_a_failed_step_tells_its_environment(faulty_run: tuple[RunDir, str, int]) -> None:
    for step in ("fine", "raises", "exhausts"):
        assert result_of(faulty_run[0], step).environment["host"]["kernel"]


def test_device_is_checked_before_and_after(faulty_run: tuple[RunDir, str, int]) -> None:
    checks = result_of(faulty_run[0], "fine").checks

    assert [(check.device, check.passed) for check in checks] == [("cpu", True), ("cpu", True)]


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)]
)
def test_interrupted_run_keeps_finished_steps(tmp_path: Path, number: signal.Signals) -> None:
    run_dir = order(tmp_path / "results", faulty_workload(tmp_path, "fine", "hangs", "last"))
    process = start(run_dir)
    assert process.stdout is not None
    for line in process.stdout:
        if '"phase":"load"' in line and '"step":"hangs"' in line:
            break
    process.send_signal(number)
    process.communicate(timeout=60)

    assert process.returncode == 130
    assert result_of(run_dir, "fine").status is Status.OK
    assert failure_of(run_dir, "hangs") is FailureClass.INTERRUPTED
    assert failure_of(run_dir, "last") is FailureClass.INTERRUPTED
    await_(lambda: not find_traces(tmp_path).processes)


@pytest.mark.long
def test_run_deadline_ends_the_run(tmp_path: Path) -> None:
    workload = faulty_workload(tmp_path, "hangs", "last")
    run_dir = order(tmp_path / "results", workload, timeout_s=3.0)
    process = start(run_dir)
    process.communicate(timeout=60)

    assert process.returncode == 5
    assert failure_of(run_dir, "hangs") is FailureClass.TIMEOUT


@pytest.mark.long
def test_a_hub_that_answers_too_late_is_a_timeout(tmp_path: Path) -> None:
    model = ModelPin(id="a/model", revision="0" * 40)
    workload = faulty_workload(tmp_path).model_copy(update={"models": (model,)})
    run_dir = order(tmp_path / "results", workload, timeout_s=2.0)
    with fake_hub(tmp_path) as hub:
        hub.faults.delay_s = 60.0
        done = subprocess.run(
            [sys.executable, "-m", "nobs.supervisor", str(run_dir.path), "--fetch"],
            env={**ENVIRONMENT, "HF_ENDPOINT": hub.url, "HF_HUB_ETAG_TIMEOUT": "60"},
            check=False, capture_output=True,
        )  # fmt: skip

    assert done.returncode == 5
    assert failure_of(run_dir, "model") is FailureClass.TIMEOUT


@pytest.mark.long
def test_descendant_that_holds_the_pipe_does_not_hold_the_run(tmp_path: Path) -> None:
    run_dir = order(tmp_path / "results", faulty_workload(tmp_path, "forks", "last"))
    process = start(run_dir)
    process.communicate(timeout=60)

    assert process.returncode == 5
    assert result_of(run_dir, "forks").status is Status.LOST
    assert result_of(run_dir, "last").status is Status.OK


@pytest.mark.long
def test_dead_reader_does_not_stop_the_run(tmp_path: Path) -> None:
    run_dir = order(tmp_path / "results", faulty_workload(tmp_path, "fine", "last"))
    process = start(run_dir)
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()

    assert process.returncode == 0
    assert run_dir.read_report().run.status is Status.OK


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has an NVIDIA GPU")
def test_absent_gpu_is_an_error_and_never_measured(tmp_path: Path) -> None:
    workload = faulty_workload(tmp_path, "fine")
    run_dir = order(tmp_path / "results", workload, backend=Backend.CUDA)
    process = start(run_dir)
    process.communicate(timeout=60)

    assert process.returncode == 3
    assert failure_of(run_dir, "fine") is FailureClass.BACKEND_MISSING
    assert result_of(run_dir, "fine").samples == ()


@pytest.mark.parametrize("words", [(), pytest.param(("--fetch",), marks=pytest.mark.long)])
def test_a_directory_that_is_not_the_launchers_is_named_at_once(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    # https://github.com/abiosoft/colima/issues/1209: what a virtual machine doesn't share is empty.
    done = subprocess.run(
        [sys.executable, "-m", "nobs.supervisor", str(tmp_path), *words],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    event = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 3
    assert event["event"] == "run.failed"
    assert "spec.json" in event["message"]
    assert "colima" in event["remedy"]
    assert list(tmp_path.iterdir()) == []
