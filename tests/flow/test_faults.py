"""Faults injected for real into whole runs: what was finished stays, the rest says why."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from nobs.storage.rundir import RunDir
from nobs.supervisor.children import MAX_OUTPUT_CHARS
from nobs.system.processes import find_process
from tests.fakes.clock import make_clock
from tests.fakes.rounds import (
    LIGHT,
    RUN_ID,
    await_,
    events_of,
    finish,
    has_begun,
    ordered_run,
    reason_of,
    result_of,
    start,
)
from tests.fakes.traces import nothing_left

pytestmark = pytest.mark.long

LIGHTLY = (LIGHT,)
RESUME = ("run", "--resume", RUN_ID)
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
type Victim = Callable[[RunDir, subprocess.Popen[str]], psutil.Process]


@pytest.fixture(autouse=True)
def _traceless(tmp_path: Path) -> Iterator[None]:
    """Every fault of this file leaves no process, mount or temporary file."""
    with nothing_left(tmp_path):
        yield


def launcher_of(_run_dir: RunDir, launcher: "subprocess.Popen[str]") -> psutil.Process:
    return psutil.Process(launcher.pid)


def supervisor_of(run_dir: RunDir, _launcher: "subprocess.Popen[str]") -> psutil.Process:
    found = find_process("-m", "nobs.supervisor", str(run_dir.path))
    assert found is not None
    return found


def step_of(run_dir: RunDir, launcher: "subprocess.Popen[str]") -> psutil.Process:
    """The child that the server of steps has forked."""
    (step,) = server_of(run_dir, launcher).children()
    return step


def server_of(run_dir: RunDir, launcher: "subprocess.Popen[str]") -> psutil.Process:
    supervisor = supervisor_of(run_dir, launcher)
    (server,) = [c for c in supervisor.children() if "--serve" in c.cmdline()]
    return server


def strike(run_dir: RunDir, victim: Victim, number: signal.Signals, at: str) -> int:
    """Send a signal to a process of the run while the step `at` works; return the exit code."""
    with start(run_dir, *RESUME, paths=LIGHTLY) as launcher:
        await_(lambda: has_begun(run_dir, at))
        victim(run_dir, launcher).send_signal(number)
        launcher.communicate(timeout=60)
    return launcher.returncode


@pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
@pytest.mark.parametrize("victim", [launcher_of, supervisor_of])
def test_a_stop_signal_keeps_what_is_finished(
    tmp_path: Path, victim: Victim, number: signal.Signals
) -> None:
    run_dir = ordered_run(tmp_path, "fine", "hangs", "last")

    assert strike(run_dir, victim, number, at="hangs") == 130

    ends = [reason_of(run_dir, step) for step in ("fine", "hangs", "last")]
    assert ends == ["ok", "failed: interrupted", "failed: interrupted"]
    assert run_dir.read_report().run.finished is not None


def test_a_killed_supervisor_loses_only_what_was_not_finished(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine", "hangs", "last")

    assert strike(run_dir, supervisor_of, signal.SIGKILL, at="hangs") == 5

    ends = [reason_of(run_dir, step) for step in ("fine", "hangs", "last")]
    assert ends == ["ok", "lost: infra", "lost: infra"]
    assert run_dir.read_outcome().exit_code == -signal.SIGKILL


@pytest.mark.parametrize(
    ("number", "code", "end"),
    [
        (signal.SIGTERM, 130, "failed: interrupted"),
        (signal.SIGHUP, 5, "lost: infra"),
        (signal.SIGKILL, 5, "lost: infra"),
    ],
)
def test_a_killed_step_loses_only_itself(
    tmp_path: Path, number: signal.Signals, code: int, end: str
) -> None:
    run_dir = ordered_run(tmp_path, "fine", "hangs", "last")

    assert strike(run_dir, step_of, number, at="hangs") == code

    ends = [reason_of(run_dir, step) for step in ("fine", "hangs", "last")]
    assert ends == ["ok", end, "ok"]


def test_a_killed_server_of_steps_loses_only_the_step_at_work(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine", "hangs", "last")

    assert strike(run_dir, server_of, signal.SIGKILL, at="hangs") == 5

    ends = [reason_of(run_dir, step) for step in ("fine", "hangs", "last")]
    assert ends == ["ok", "lost: infra", "ok"]


def test_an_interrupt_to_a_step_is_the_supervisors_to_handle(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "waits", "last")
    with start(run_dir, *RESUME, paths=LIGHTLY) as launcher:
        await_(lambda: has_begun(run_dir, "waits"))
        step_of(run_dir, launcher).send_signal(signal.SIGINT)
        (tmp_path / "models/waits/go").touch()
        launcher.communicate(timeout=60)

    assert launcher.returncode == 0
    assert [reason_of(run_dir, step) for step in ("waits", "last")] == ["ok", "ok"]


def test_more_memory_than_there_is_fails_one_step_as_oom(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "overflows", "last")

    done = finish(run_dir, *RESUME, paths=LIGHTLY)

    assert done.returncode == 1
    assert [reason_of(run_dir, step) for step in ("overflows", "last")] == ["failed: oom", "ok"]
    assert "smaller batch" in done.stderr


def test_a_step_that_hangs_is_ended_at_its_deadline(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "hangs", "last", step_timeouts={"hangs": 1.5})

    done = finish(run_dir, *RESUME, paths=LIGHTLY)

    assert done.returncode == 5
    assert [reason_of(run_dir, step) for step in ("hangs", "last")] == ["failed: timeout", "ok"]


def test_imports_that_hang_end_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULT_IMPORT_S", "600")
    run_dir = ordered_run(tmp_path, "fine", timeout_s=2.0)

    assert finish(run_dir, *RESUME, paths=LIGHTLY).returncode == 5

    assert reason_of(run_dir, "fine") == "failed: timeout"


def test_a_gigabyte_of_output_neither_stops_the_run_nor_fills_the_disk(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "floods", "last")

    done = finish(run_dir, *RESUME, paths=LIGHTLY)

    assert done.returncode == 0, done.stderr
    assert run_dir.events_file.stat().st_size < 2 * MAX_OUTPUT_CHARS
    events = events_of(run_dir)
    (dropped,) = [event for event in events if event["event"] == "step.output_dropped"]
    assert dropped["step"] == "floods"
    assert dropped["characters"] == 1024 * ((1 << 20) - 1) - MAX_OUTPUT_CHARS


@pytest.mark.parametrize("thread", ["", "1"], ids=["forked", "spawned"])
def test_a_descendant_that_holds_the_pipe_holds_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thread: str
) -> None:
    monkeypatch.setenv("FAULT_THREAD", thread)
    run_dir = ordered_run(tmp_path, "forks", "last")

    done = finish(run_dir, *RESUME, paths=LIGHTLY)

    assert done.returncode == 5
    assert [reason_of(run_dir, step) for step in ("forks", "last")] == ["lost: infra", "ok"]


def test_two_runs_in_one_results_directory_do_not_mix(tmp_path: Path) -> None:
    first = ordered_run(tmp_path, "fine", "waits")
    second = ordered_run(tmp_path, "fine", "waits", run_id="b-run")
    with (
        start(first, *RESUME, paths=LIGHTLY) as one,
        start(second, "run", "--resume", "b-run", paths=LIGHTLY) as other,
    ):
        await_(lambda: has_begun(first, "waits") and has_begun(second, "waits"))
        (tmp_path / "models/waits/go").touch()
        for process in (one, other):
            process.communicate(timeout=60)

    assert (one.returncode, other.returncode) == (0, 0)
    for run_dir in (first, second):
        assert run_dir.read_report().run.id == run_dir.path.name
        lines = run_dir.events_file.read_text().splitlines()
        assert {json.loads(line)["run_id"] for line in lines} == {run_dir.path.name}
    (published,) = first.results.glob("report_*.json")
    assert published.read_bytes() in [run.report_file.read_bytes() for run in (first, second)]


def test_a_results_directory_that_is_removed_ends_the_run_with_the_reason(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine", "waits", "last")
    with start(run_dir, *RESUME, paths=LIGHTLY) as launcher:
        await_(lambda: has_begun(run_dir, "waits"))
        shutil.rmtree(run_dir.results)
        (tmp_path / "models/waits/go").touch()
        _, stderr = launcher.communicate(timeout=60)

    assert launcher.returncode == 3
    assert str(run_dir.path) in stderr
    assert "Traceback" not in stderr
    assert not run_dir.path.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 72 MiB at `tmp_path/small`, made by root alone."""
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=72m", "nobs-test", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@LINUX
def test_a_full_disk_ends_the_run_and_resuming_finishes_it(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = ordered_run(small_disk, "fine", "fills", "last")
    monkeypatch.setenv("FAULT_FULL", str(small_disk / "filling"))

    done = finish(run_dir, *RESUME, paths=LIGHTLY)

    assert done.returncode == 3
    assert "No space left on device" in done.stderr
    assert reason_of(run_dir, "fine") == "ok"
    kept = run_dir.result_file("fine").read_bytes()

    (small_disk / "filling").unlink()
    monkeypatch.setenv("FAULT_FULL", "/dev/full")
    done = finish(run_dir, *RESUME, paths=LIGHTLY)
    assert done.returncode == 0, done.stderr
    assert [reason_of(run_dir, step) for step in ("fine", "fills", "last")] == ["ok"] * 3
    assert run_dir.result_file("fine").read_bytes() == kept


@LINUX
def test_a_clock_that_is_set_back_a_day_changes_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every process of the run sees the wall clock jump within a step; no other clock moves."""
    monkeypatch.setenv("LD_PRELOAD", str(make_clock(tmp_path)))
    monkeypatch.setenv("FAULT_STEP", str(tmp_path / "step"))
    run_dir = ordered_run(tmp_path, "waits", "hangs", "last", step_timeouts={"hangs": 1.5})
    with start(run_dir, *RESUME, paths=LIGHTLY) as launcher:
        await_(lambda: has_begun(run_dir, "waits"))
        (tmp_path / "step").touch()
        (tmp_path / "models/waits/go").touch()
        launcher.communicate(timeout=60)

    assert launcher.returncode == 5
    ends = [reason_of(run_dir, step) for step in ("waits", "hangs", "last")]
    assert ends == ["ok", "failed: timeout", "ok"]
    jumped = result_of(run_dir, "waits")
    assert jumped.finished < jumped.started
    assert all(0 < sample.duration_s < 5 for sample in jumped.samples)
    seconds = [value for name, value in jumped.phases if name.endswith("_s")]
    assert all(0 <= value < 60 for value in seconds)
