"""What a scheduler relies on: take-over, the last line, exit codes, users without a name."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nobs.errors import RunLost, UsageError
from nobs.launch.run.ownership import claimed, find_state, release_silent, require_claim
from nobs.launch.run.resume import is_of_another
from nobs.report.build import seal
from nobs.schema.state import Owner, RunState
from nobs.storage import heartbeat
from nobs.storage.heartbeat import beating, is_beating
from nobs.storage.owner import this_owner
from nobs.storage.rundir import RunDir
from tests.fakes.command import NO_ENGINE, environment, run_nobs, start_nobs
from tests.fakes.forked import REPO
from tests.fakes.native_run import one_core
from tests.fakes.rounds import (
    LIGHT,
    RUN_ID,
    await_,
    change_spec,
    environment_of,
    finish,
    has_begun,
    ordered_run,
    start,
)


def owned_by(run_dir: RunDir, host: str) -> None:
    """Let a launcher on `host` own the run."""
    owner = Owner(user=this_owner().user, host=host, pid=1, started="never")
    now = datetime.now(UTC)
    state = RunState(owner=owner, since=now, deadline=now + timedelta(hours=1))
    run_dir.write(run_dir.state_file, state)


@pytest.fixture
def quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hearts beat fast enough for a test."""
    monkeypatch.setattr(heartbeat, "BEAT_S", 0.05)


@pytest.mark.usefixtures("quick_beats")
def test_a_heart_beats_as_long_as_a_run_is_claimed(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine")
    with claimed(run_dir, run_dir.read_spec(), restart=True):
        assert is_beating(run_dir, 30)

    assert not is_beating(run_dir, 0.2)


@pytest.mark.usefixtures("quick_beats")
def test_a_run_that_beats_elsewhere_is_not_taken_over(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine")
    owned_by(run_dir, "n1")
    with beating(run_dir), pytest.raises(UsageError, match=r"is running on n1 "):
        release_silent(run_dir, 30)

    assert find_state(run_dir) is not None


@pytest.mark.parametrize(
    ("was", "node", "is_again"),
    [("n1", "n1", False), ("n1", "n2", True), (None, None, True), (None, "n2", True)],
)
def test_only_the_same_machine_goes_on_in_the_same_run(
    tmp_path: Path, was: str | None, node: str | None, is_again: bool
) -> None:
    run_dir = ordered_run(tmp_path, "fine")
    change_spec(run_dir, node=was)
    owned_by(run_dir, "another host")

    assert is_of_another(run_dir, node) is is_again
    release_silent(run_dir, 0.0)
    assert find_state(run_dir) is None


def test_another_node_does_not_finish_a_run_by_accident(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine")
    change_spec(run_dir, node="n1")
    done = finish(run_dir, "run", "--resume", RUN_ID, "--node", "n2", paths=(LIGHT,))

    assert done.returncode == 2
    assert "belongs to node n1; this is node n2" in " ".join(done.stderr.split())


def dead_run(tmp_path: Path) -> RunDir:
    """Return what n1 left when it died before the end of its run."""
    run_dir = ordered_run(tmp_path, "fine")
    change_spec(run_dir, node="n1")
    finish(run_dir, "run", "--resume", RUN_ID, paths=(LIGHT,))
    report = run_dir.read_report()
    run = report.run.model_copy(update={"finished": None})
    run_dir.write(run_dir.report_file, seal(report.model_copy(update={"run": run})))
    run_dir.outcome_file.unlink()
    next(run_dir.results.glob("report_*@n1.json")).unlink()
    owned_by(run_dir, "n1")
    return run_dir


@pytest.mark.long
def test_a_dead_machine_s_run_is_measured_on_another_beside_its_own_report(tmp_path: Path) -> None:
    run_dir = dead_run(tmp_path)
    before = run_dir.report_file.read_bytes(), run_dir.result_file("fine").read_bytes()
    refused = finish(run_dir, "run", "--resume", RUN_ID, paths=(LIGHT,))
    done = finish(run_dir, "run", "--resume", RUN_ID, "--take-over", "--node", "n2", paths=(LIGHT,))
    named = run_nobs("collect", str(run_dir.results), "--expect", "n1,n2", cwd=tmp_path)
    text = " ".join(named.stdout.split())

    assert refused.returncode == 2
    assert f"nobs run --resume {RUN_ID} --take-over" in " ".join(refused.stderr.split())
    assert done.returncode == 0, done.stderr
    assert (run_dir.report_file.read_bytes(), run_dir.result_file("fine").read_bytes()) == before
    (latest,) = run_dir.results.glob("report_*@n2.json")
    run = json.loads(latest.read_text())["run"]
    assert (run["node"], run["resumes"], run["status"]) == ("n2", RUN_ID, "ok")
    assert named.returncode == 1
    assert "the run never finished" in text
    assert f"@n2 measured all of it in run {run['id']}" in text


def test_a_machine_of_another_model_takes_nothing_from_a_dead_one(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine")
    device = run_dir.read_spec().device_info.model_copy(update={"processor": "An abacus (2)"})
    change_spec(run_dir, node="n1", device_info=device)
    done = finish(run_dir, "run", "--resume", RUN_ID, "--take-over", "--node", "n2", paths=(LIGHT,))

    assert done.returncode == 2
    assert "device.processor was An abacus (2)" in done.stderr
    assert run_dir.read_spec().node == "n1"
    assert [path.name for path in run_dir.path.parent.iterdir() if path.is_dir()] == [RUN_ID]


def test_a_machine_that_comes_back_does_not_publish(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine")
    with claimed(run_dir, run_dir.read_spec(), restart=True) as state:
        owned_by(run_dir, "n2")
        with pytest.raises(RunLost, match=r"was taken over by .* on n2"):
            require_claim(run_dir, state)


@pytest.mark.long
def test_a_supervisor_whose_run_was_taken_over_ends(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "waits")
    with start(run_dir, "run", "--resume", RUN_ID, paths=(LIGHT,)) as process:
        await_(lambda: has_begun(run_dir, "waits"))
        owned_by(run_dir, "n2")
        _, stderr = process.communicate(timeout=60)

    assert process.returncode == 5
    assert "was taken over" in stderr
    assert not run_dir.outcome_file.exists()


def test_the_last_line_and_the_termination_log_say_how_a_run_ended(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine", "raises")
    log = tmp_path / "termination-log"
    log.touch()
    named = {"NOBS_NODE": "n1", "NOBS_TERMINATION_LOG": str(log)}
    done = finish(run_dir, "run", "--resume", RUN_ID, paths=(LIGHT,), **named)
    end = json.loads(done.stdout.splitlines()[-1])

    assert done.returncode == end["exit_code"] == 1
    assert (end["schema"], end["node"], end["run_id"]) == ("nobs.end/1", "n1", RUN_ID)
    assert end["models"] == {"ok": 1, "interrupted": 0, "failed": 1}
    assert end["error"] == "the weights are upside down"
    assert json.loads(log.read_text()) == end


@pytest.mark.parametrize(
    ("words", "code"), [(("--task", "nosuch"), 2), (("--backend", "cuda"), 3), (("--nosuch",), 2)]
)
@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has an NVIDIA GPU")
def test_what_can_t_start_says_so_with_a_stable_code(
    tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    log = tmp_path / "termination-log"
    log.write_text("")
    env = environment_of(ordered_run(tmp_path, "fine"), NOBS_NODE="n1",
                         NOBS_TERMINATION_LOG=str(log))  # fmt: skip
    done = run_nobs("run", "--execution", "native", *words, cwd=tmp_path, env=env)
    lines = done.stdout.splitlines()

    assert done.returncode == code
    # What isn't an option is refused before NOBS_NODE is read.
    assert [json.loads(line)["exit_code"] for line in lines] == [code] * (words != ("--nosuch",))
    assert log.read_text().splitlines() == lines


@pytest.mark.skipif(sys.platform == "win32", reason="engines there have no unix socket")
def test_an_interrupt_while_a_run_is_planned_says_so(open_directory: Path) -> None:
    log = open_directory / "termination-log"
    log.touch()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(open_directory / "e.sock"))
        silent.listen()
        silent.settimeout(60)
        env = environment(open_directory, DOCKER_HOST=f"unix://{open_directory}/e.sock",
                          NOBS_TERMINATION_LOG=str(log))  # fmt: skip
        words = ("run", "--node", "n1", "--profile", "quick", "--backend", "cpu")
        with start_nobs(*words, cwd=open_directory, env=env, stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:  # fmt: skip
            # It asks an engine that never answers.
            connection, _ = silent.accept()
            process.terminate()
            out, _ = process.communicate(timeout=60)
        connection.close()
    end = json.loads(out.splitlines()[-1])

    assert process.returncode == end["exit_code"] == 130
    assert (end["node"], end["run_id"], end["error"]) == ("n1", None, "interrupted")
    assert json.loads(log.read_text()) == end


@pytest.mark.long
def test_json_on_stdout_stays_one_report(tmp_path: Path) -> None:
    run_dir = ordered_run(tmp_path, "fine")
    done = finish(run_dir, "run", "--resume", RUN_ID, "--json", paths=(LIGHT,), NOBS_NODE="n1")

    assert json.loads(done.stdout)["schema"] == "nobs.report/1"


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that everybody can write, which those of pytest aren't."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.mark.long
@pytest.mark.skipif(
    not (shutil.which("setpriv") and getattr(os, "getuid", lambda: 1)() == 0),
    reason="only root can become another user",
)
@pytest.mark.parametrize("home", [None, "/", "/nonexistent"])
def test_any_user_without_a_name_runs_without_a_home_or_an_entrypoint(
    home: str | None, open_directory: Path
) -> None:
    results = open_directory
    variables = {"PATH": os.defpath, "PYTHONPATH": str(REPO), "DOCKER_HOST": NO_ENGINE}
    variables |= {"HOME": home} if home else {}
    # Reading the checkout and its Python, wherever they are, is all that is left of root.
    nobody = ("setpriv", "--reuid=12345", "--regid=54321", "--clear-groups",
              "--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search",
              "--bounding-set=-all,+dac_read_search")  # fmt: skip
    with one_core():
        done = subprocess.run(
            [*nobody, "env", "-i", *(f"{name}={value}" for name, value in variables.items()),
             sys.executable, "-m", "nobs", "run", "--execution", "native", "--backend", "cpu",
             "--profile", "quick", "--task", "embeddings", "--rows", "1", "--repeats", "1",
             "--node", "n1", "--results", str(results)],
            cwd="/", capture_output=True, text=True, timeout=500, check=False,
        )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["exit_code"] == 0
    (report,) = results.glob("report_*@n1.json")
    assert report.stat().st_uid == 12345
