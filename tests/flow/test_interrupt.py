"""A stop signal while a step is measured: its finished repeats become an open result."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from nobs.errors import FailureClass
from nobs.report.validation import Ruling, validate_file
from nobs.schema.enums import Division, Status
from nobs.schema.pins import RepeatPolicy
from nobs.storage.rundir import RunDir
from tests.fakes.llm_answers import MODEL, whole_server
from tests.fakes.llm_server import serving
from tests.fakes.loader import hub_environment
from tests.fakes.native_run import one_core
from tests.fakes.rounds import LIGHT, RUN_ID, finish, ordered_run, reason_of, result_of, start
from tests.fakes.vision_server import VisionServer

ENDLESS = RepeatPolicy(repeats=1_000_000)
ROUNDS = range(5 if os.environ.get("NOBS_TEST_LONG") == "1" else 1)


def endless_run(tmp_path: Path) -> RunDir:
    """Order a run whose first step would repeat for hours."""
    run_dir = ordered_run(tmp_path, "fine", "last")
    spec = run_dir.read_spec()
    workload = spec.workloads[0].model_copy(update={"policy": ENDLESS})
    run_dir.write(run_dir.spec_file, spec.model_copy(update={"workloads": (workload,)}))
    return run_dir


def await_repeats(process: "subprocess.Popen[str]", count: int) -> None:
    """Wait until `count` repeats are finished."""
    assert process.stderr is not None
    for line in process.stderr:
        if "repeat.finished" in line and f"repeat={count} " in line:
            return


def everybody(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """Return the launcher and all its descendants, which a scheduler signals at once."""
    launcher = psutil.Process(process.pid)
    return [launcher, *launcher.children(recursive=True)]


@pytest.mark.parametrize("number", ROUNDS)
@pytest.mark.parametrize(
    "to_all",
    [
        pytest.param(False, id="launcher", marks=pytest.mark.long),
        pytest.param(True, id="whole job"),
    ],
)
def test_finished_repeats_are_kept_open_and_valid(
    tmp_path: Path, number: int, to_all: bool
) -> None:
    run_dir = endless_run(tmp_path)
    with start(run_dir, "run", "--resume", RUN_ID, "-v", paths=(LIGHT,)) as process:
        await_repeats(process, 3 + number)
        for each in everybody(process) if to_all else [psutil.Process(process.pid)]:
            # The signal to the first may have ended the others.
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

    result, (task,) = result_of(run_dir, "fine"), run_dir.read_report().tasks
    assert process.returncode == 130
    assert result.interrupted_after == len(result.samples) >= 3 + number
    assert result.facts["first"] == {"line": "one"}
    assert task.workload.division is Division.OPEN
    assert task.workload.open_reasons[0].endswith(
        f"interrupted after {len(result.samples)} repeats"
    )
    assert reason_of(run_dir, "last") == "failed: interrupted"
    assert validate_file(run_dir.report_file).ruling is Ruling.OPEN


@pytest.mark.long
def test_too_few_repeats_are_an_interrupted_step(tmp_path: Path) -> None:
    run_dir = endless_run(tmp_path)
    spec = run_dir.read_spec()
    policy = ENDLESS.model_copy(update={"min_repeats": 1_000_000})
    workload = spec.workloads[0].model_copy(update={"policy": policy})
    run_dir.write(run_dir.spec_file, spec.model_copy(update={"workloads": (workload,)}))
    with start(run_dir, "run", "--resume", RUN_ID, "-v", paths=(LIGHT,)) as process:
        await_repeats(process, 2)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

    failure = result_of(run_dir, "fine").failure
    assert failure is not None
    assert failure.failure_class is FailureClass.INTERRUPTED
    assert "repeats of this step" in failure.message


@pytest.mark.long
def test_resuming_measures_an_interrupted_step_again(tmp_path: Path) -> None:
    run_dir = endless_run(tmp_path)
    with start(run_dir, "run", "--resume", RUN_ID, "-v", paths=(LIGHT,)) as process:
        await_repeats(process, 3)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    spec = run_dir.read_spec()
    workload = spec.workloads[0].model_copy(update={"policy": RepeatPolicy(repeats=4)})
    run_dir.write(run_dir.spec_file, spec.model_copy(update={"workloads": (workload,)}))
    run_dir.report_file.unlink()

    done = finish(run_dir, "run", "--resume", RUN_ID, paths=(LIGHT,))

    result = result_of(run_dir, "fine")
    assert done.returncode == 0, done.stderr
    assert (result.status, result.interrupted_after, len(result.samples)) == (Status.OK, None, 4)
    assert run_dir.read_report().run.status is Status.OK


@pytest.mark.long
@pytest.mark.parametrize("task", ["embeddings", "llms", "vlms", "diffusion"])
def test_every_task_keeps_repeats_that_hold_without_what_follows_them(
    tmp_path: Path, task: str
) -> None:
    small = {"embeddings": ("--rows", "5"), "diffusion": ("--images", "1"), "llms": ("--rows", "1")}
    with serving(whole_server(VisionServer())) as server:
        served = ("--llm-url", server.url, "--llm-model", MODEL) if task in ("llms", "vlms") else ()
        command = [
            sys.executable, "-m", "nobs", "run", "--execution", "native", "--backend", "cpu",
            "--profile", "quick", "--task", task, *served, *small.get(task, ()),
            "--repeats", "10000", "--results", str(tmp_path), "-v", "--json",
        ]  # fmt: skip
        with one_core(), subprocess.Popen(
            command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=hub_environment("http://127.0.0.1:9", tmp_path / "hf"),
        ) as process:  # fmt: skip
            await_repeats(process, 3)
            process.send_signal(signal.SIGTERM)
            stdout, stderr = process.communicate(timeout=120)

    report = json.loads(stdout)
    (model,) = report["tasks"][0]["models"].values()
    assert process.returncode == 130, stderr
    assert model["status"] == "ok", model["failure"]
    assert model["interrupted_after"] == len(model["samples"]) == len(model["all_runs"]) >= 3
    (file,) = tmp_path.glob("report_*.json")
    ruling = validate_file(file)
    assert (ruling.ruling, ruling.faults) == (Ruling.OPEN, ())
