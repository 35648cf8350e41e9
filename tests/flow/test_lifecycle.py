"""Runs that outlive their terminal: detached, watched, listed, taken over, cleaned up after."""

import hashlib
import json
import os
import platform
import signal
from pathlib import Path

import psutil
import pytest

from nobs.launch.run.ownership import claimed
from nobs.storage.rundir import RunDir
from nobs.system.processes import find_process
from tests.fakes.rounds import (
    LIGHT,
    RUN_ID,
    await_,
    change_spec,
    events_of,
    finish,
    has_begun,
    interrupt_at,
    left_files,
    ordered_run,
    reason_of,
    start,
)

pytestmark = pytest.mark.long

LIGHTLY = (LIGHT,)


def supervisor_of(run_dir: RunDir) -> psutil.Process | None:
    return find_process("-m", "nobs.supervisor", str(run_dir.path))


def killed_launcher(run_dir: RunDir, at: str) -> None:
    """Begin the run and kill its launcher, alone, within a step."""
    with start(run_dir, "run", "--resume", RUN_ID, paths=LIGHTLY) as launcher:
        await_(lambda: has_begun(run_dir, at))
        launcher.kill()


def test_whose_a_run_is_stands_there_before_its_worker_begins(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "waits")
    with start(run_dir, "run", "--resume", RUN_ID, paths=LIGHTLY) as launcher:
        await_(lambda: has_begun(run_dir, "waits"))
        state = run_dir.read_state()
        (tmp_path / "models/waits/go").touch()
        launcher.communicate(timeout=60)

    assert state.owner.pid == launcher.pid
    assert state.since.isoformat() < str(events_of(run_dir)[0]["timestamp"])
    assert launcher.returncode == 0


def test_attach_takes_over_from_a_launcher_that_died(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine", "waits", "last")
    killed_launcher(run_dir, "waits")
    (listed,) = json.loads(finish(run_dir, "ps", "--json").stdout)
    assert (listed["phase"], listed["steps_ok"], listed["pid"]) == ("orphaned", 1, None)
    (tmp_path / "models/waits/go").touch()

    done = finish(run_dir, "attach", RUN_ID, "--json")

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [model["status"] for model in report["tasks"][0]["models"].values()] == ["ok"] * 3
    assert report["run"]["finished"]
    assert len(list(run_dir.results.glob("report_*.json"))) == 1
    assert supervisor_of(run_dir) is None
    assert left_files(tmp_path) == []
    lines = [json.dumps(event) for event in events_of(run_dir)]
    assert len(lines) == len(set(lines))
    assert sum("step.finished" in line for line in lines) == 3


def test_interrupt_in_attach_ends_a_run_without_launcher(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine", "waits", "last")
    killed_launcher(run_dir, "waits")

    with start(run_dir, "attach", RUN_ID) as attached:
        interrupt_at(attached, "step 2/3")

    assert attached.returncode == 130
    ends = [reason_of(run_dir, step) for step in ("fine", "waits", "last")]
    assert ends == ["ok", "failed: interrupted", "failed: interrupted"]
    assert supervisor_of(run_dir) is None


def test_interrupt_in_attach_reaches_a_launcher_that_lives(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine", "waits")
    with start(run_dir, "run", "--resume", RUN_ID, paths=LIGHTLY) as launcher:
        await_(lambda: has_begun(run_dir, "waits"))
        with start(run_dir, "attach", RUN_ID) as attached:
            interrupt_at(attached, "step 2/2")
        launcher.communicate(timeout=60)

    assert (launcher.returncode, attached.returncode) == (130, 130)
    assert reason_of(run_dir, "waits") == "failed: interrupted"


def test_detached_run_is_found_followed_and_ends_as_any_other(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine", "waits", "raises")

    detached = finish(run_dir, "run", "--resume", RUN_ID, "--detach", paths=LIGHTLY)
    assert (detached.returncode, detached.stdout) == (0, f"{RUN_ID}\n")
    await_(lambda: has_begun(run_dir, "waits"))
    (listed,) = json.loads(finish(run_dir, "ps", "--json").stdout)
    assert (listed["phase"], listed["steps_ok"]) == ("running", 1)
    with start(run_dir, "logs", RUN_ID, "--follow", "--json") as followed:
        (tmp_path / "models/waits/go").touch()
        stdout, _ = followed.communicate(timeout=60)

    assert stdout == run_dir.events_file.read_text()
    attached = finish(run_dir, "attach", RUN_ID)
    assert attached.returncode == 1
    assert "the weights are upside down" in attached.stderr
    assert json.loads(finish(run_dir, "ps", "--json").stdout) == []
    assert "finished" in finish(run_dir, "ps", "--all").stdout


def test_a_run_is_carried_out_by_one_launcher_at_a_time(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "waits")
    with start(run_dir, "run", "--resume", RUN_ID, paths=LIGHTLY) as launcher:
        await_(lambda: has_begun(run_dir, "waits"))
        second = finish(run_dir, "run", "--resume", RUN_ID)
        (tmp_path / "models/waits/go").touch()
        launcher.communicate(timeout=60)

    assert second.returncode == 2
    assert f"Run {RUN_ID} is being executed by another launcher." in second.stderr
    assert launcher.returncode == 0


def test_two_launchers_that_begin_at_once_do_not_share_a_run(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "waits")
    with claimed(run_dir, run_dir.read_spec(), restart=True):
        done = finish(run_dir, "run", "--resume", RUN_ID, paths=LIGHTLY)

    assert done.returncode == 2
    assert "being executed by another launcher" in done.stderr
    assert not run_dir.events_file.exists()


def test_files_of_dead_launchers_go_at_the_next_start_and_others_stay(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine")
    scratch = tmp_path / "tmp"
    here = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
    for name in (f"{here}-4194304-0badb007-1-x", f"{here}-{os.getpid()}-other-1-y"):
        (scratch / f"nobs-scratch-{name}").mkdir(parents=True)
    foreign = scratch / "nobs-scratch-0badb007-4194304-0badb007-1-x"
    foreign.mkdir()

    assert finish(run_dir, "run", "--resume", RUN_ID, paths=LIGHTLY).returncode == 0

    assert list(scratch.iterdir()) == [foreign]


def test_clean_takes_old_runs_only_when_asked(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine")
    finish(run_dir, "run", "--resume", RUN_ID, paths=LIGHTLY)

    finish(run_dir, "clean")
    assert run_dir.path.is_dir()
    finish(run_dir, "clean", "--runs", "1")
    assert run_dir.path.is_dir()
    done = finish(run_dir, "clean", "--runs", "0")

    assert not run_dir.path.exists()
    assert str(run_dir.path) in done.stdout
    assert len(list(run_dir.results.glob("report_*.json"))) == 1


@pytest.mark.parametrize("words", [("logs", "nosuch"), ("attach", "nosuch")])
def test_a_run_that_is_not_there_is_an_error(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = finish(ordered_run(tmp_path, "fine"), *words)

    assert done.returncode == 2
    assert "There is no run 'nosuch'" in done.stderr


def test_worker_of_a_killed_launcher_keeps_its_own_deadline(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "hangs", "last", timeout_s=12.0)
    killed_launcher(run_dir, "hangs")

    await_(lambda: supervisor_of(run_dir) is None)

    ends = [reason_of(run_dir, step) for step in ("hangs", "last")]
    assert ends == ["failed: timeout", "failed: timeout"]
    assert finish(run_dir, "attach", RUN_ID).returncode == 5


def left_by_another_machine(run_dir: RunDir) -> None:
    """Say that the run is carried out elsewhere, by a process of this one's number."""
    with claimed(run_dir, run_dir.read_spec()) as state:
        owner = state.owner.model_copy(update={"host": "elsewhere"})
    run_dir.write(run_dir.state_file, state.model_copy(update={"owner": owner}))


def test_interrupt_in_attach_reaches_no_process_of_another_machines_number(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine")
    left_by_another_machine(run_dir)
    with start(run_dir, "attach", RUN_ID) as attached:
        state = run_dir.read_state()
        victim = state.owner.model_copy(update={"pid": attached.pid})
        run_dir.write(run_dir.state_file, state.model_copy(update={"owner": victim}))
        await_(lambda: psutil.Process(attached.pid).num_threads() > 1)
        attached.send_signal(signal.SIGINT)
        _, stderr = attached.communicate(timeout=60)

    assert attached.returncode == 2, stderr
    assert "on elsewhere" in stderr
    assert f"`nobs run --resume {RUN_ID} --take-over`" in stderr


def test_a_finished_run_of_another_machine_is_shown_and_resumed(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "raises")
    assert finish(run_dir, "run", "--resume", RUN_ID, paths=LIGHTLY).returncode == 1
    left_by_another_machine(run_dir)

    assert finish(run_dir, "attach", RUN_ID).returncode == 1
    assert finish(run_dir, "run", "--resume", RUN_ID, paths=LIGHTLY).returncode == 1


def test_a_directory_that_is_not_named_like_its_run_is_no_run(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine")
    finish(run_dir, "run", "--resume", RUN_ID, paths=LIGHTLY)
    (tmp_path / "precious").mkdir()
    change_spec(run_dir, run_id="../../precious")

    assert finish(run_dir, "clean", "--runs", "0").returncode == 0
    attached = finish(run_dir, "attach", RUN_ID)

    assert (tmp_path / "precious").is_dir()
    assert attached.returncode == 2
    assert "has the run '../../precious'" in attached.stderr
