"""Faults injected for real into whole runs in containers: what was finished stays, nothing else."""

import io
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from nobs.supervisor.children import MAX_OUTPUT_CHARS
from tests.container.faulty import (
    IMAGE,
    RESUME,
    contained_run,
    container_of,
    ends_of,
    let_go,
    pids_of,
    under_way,
)
from tests.fakes.clock import make_clock
from tests.fakes.rounds import RUN_ID, await_, finish, has_begun, reason_of, result_of, start
from tests.fakes.traces import nothing_left

pytestmark = pytest.mark.long

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LITTLE_MEMORY = "300m"
JUMPING = f"FROM {IMAGE}\nENV LD_PRELOAD=/run-dir/clock.so FAULT_STEP=/run-dir/step\n".encode()
GONE_IN_S = 10.0


@pytest.fixture(autouse=True)
def _traceless(tmp_path: Path, engine: str, faulty_image: str) -> Iterator[None]:
    """Every fault of this file leaves no container, volume, process, mount or temporary file."""
    with nothing_left(tmp_path, engine):
        yield


@pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
def test_a_stop_signal_to_the_launcher_ends_the_container_in_ten_seconds(
    engine: str, client: docker.DockerClient, tmp_path: Path, number: signal.Signals
) -> None:
    run_dir = contained_run(engine, tmp_path, "fine", "hangs", "last")
    with under_way(engine, run_dir, "hangs") as launcher:
        container = container_of(client, run_dir)
        asked = time.monotonic()
        launcher.send_signal(number)
        container.wait(condition="removed", timeout=60)
        took_s = time.monotonic() - asked

    assert took_s < GONE_IN_S
    assert launcher.returncode == 130
    assert ends_of(run_dir) == ["ok", "failed: interrupted", "failed: interrupted"]
    assert run_dir.read_report().run.finished is not None
    assert run_dir.read_outcome().interrupted


@pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
def test_a_stop_signal_to_the_container_keeps_what_is_finished(
    engine: str, client: docker.DockerClient, tmp_path: Path, number: signal.Signals
) -> None:
    run_dir = contained_run(engine, tmp_path, "fine", "hangs", "last")
    with under_way(engine, run_dir, "hangs") as launcher:
        container_of(client, run_dir).kill(number)

    assert launcher.returncode == 130
    assert ends_of(run_dir) == ["ok", "failed: interrupted", "failed: interrupted"]


def test_a_killed_container_loses_only_what_was_not_finished(
    engine: str, client: docker.DockerClient, tmp_path: Path
) -> None:
    run_dir = contained_run(engine, tmp_path, "fine", "hangs", "last")
    with under_way(engine, run_dir, "hangs") as launcher:
        container_of(client, run_dir).kill()

    assert launcher.returncode == 5
    assert ends_of(run_dir) == ["ok", "lost: infra", "lost: infra"]
    assert run_dir.read_outcome().exit_code == 128 + signal.SIGKILL


def test_a_container_that_somebody_removes_loses_only_what_was_not_finished(
    engine: str, client: docker.DockerClient, tmp_path: Path
) -> None:
    run_dir = contained_run(engine, tmp_path, "fine", "hangs", "last")
    with under_way(engine, run_dir, "hangs") as launcher:
        container_of(client, run_dir).remove(force=True)

    assert launcher.returncode == 5
    assert ends_of(run_dir) == ["ok", "lost: infra", "lost: infra"]
    failure = result_of(run_dir, "last").failure
    assert failure is not None
    assert "container was removed" in failure.message
    assert f"--resume {RUN_ID}" in failure.remedy


@pytest.fixture
def as_root() -> None:
    """Processes of containers are other users' on this machine."""
    if os.geteuid() != 0:
        pytest.skip("killing a container's process from outside needs root")


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize(
    ("number", "ended"),
    [
        (signal.SIGTERM, (130, "failed: interrupted")),
        (signal.SIGHUP, (5, "lost: infra")),
        (signal.SIGKILL, (5, "lost: infra")),
    ],
)
def test_a_killed_step_loses_only_itself(
    engine: str, client: docker.DockerClient, tmp_path: Path, number: signal.Signals,
    ended: tuple[int, str],
) -> None:  # fmt: skip
    run_dir = contained_run(engine, tmp_path, "fine", "hangs", "last")
    with under_way(engine, run_dir, "hangs") as launcher:
        *_, step = pids_of(container_of(client, run_dir))
        os.kill(step, number)

    assert (launcher.returncode, ends_of(run_dir)[1]) == ended
    assert ends_of(run_dir)[::2] == ["ok", "ok"]


@pytest.mark.usefixtures("as_root")
def test_an_interrupt_to_a_step_is_the_supervisors_to_handle(
    engine: str, client: docker.DockerClient, tmp_path: Path
) -> None:
    run_dir = contained_run(engine, tmp_path, "waits", "last")
    with under_way(engine, run_dir, "waits") as launcher:
        *_, step = pids_of(container_of(client, run_dir))
        os.kill(step, signal.SIGINT)
        let_go(run_dir)

    assert launcher.returncode == 0
    assert ends_of(run_dir) == ["ok", "ok"]


def test_a_step_that_outgrows_the_containers_memory_fails_alone_as_oom(
    engine: str, client: docker.DockerClient, tmp_path: Path
) -> None:
    run_dir = contained_run(engine, tmp_path, "fine", "waits", "devours", "last")
    with under_way(engine, run_dir, "waits") as launcher:
        limit_memory(container_of(client, run_dir))
        let_go(run_dir)

    assert launcher.returncode == 1
    assert ends_of(run_dir) == ["ok", "ok", "failed: oom", "ok"]
    failure = run_dir.read_report().tasks[0].models["/run-dir/models/devours"].failure
    assert failure is not None
    assert "Use a smaller batch" in failure.remedy


@pytest.mark.usefixtures("as_root")
def test_a_container_that_ends_for_want_of_memory_keeps_what_is_finished(
    engine: str, client: docker.DockerClient, tmp_path: Path
) -> None:
    run_dir = contained_run(engine, tmp_path, "fine", "waits", "devours", "last")
    with under_way(engine, run_dir, "waits") as launcher:
        container = container_of(client, run_dir)
        limit_memory(container)
        _, supervisor, *_ = pids_of(container)
        Path(f"/proc/{supervisor}/oom_score_adj").write_text("1000")
        let_go(run_dir)

    assert launcher.returncode == 1
    assert ends_of(run_dir) == ["ok", "ok", "failed: oom", "failed: oom"]
    assert run_dir.read_outcome().oom_killed
    failure = result_of(run_dir, "last").failure
    assert failure is not None
    assert "Use a smaller batch" in failure.remedy


def limit_memory(container: Container) -> None:
    """Leave the container little memory, as a small machine has it, and no swap."""
    container.update(mem_limit=LITTLE_MEMORY, memswap_limit=LITTLE_MEMORY)


def test_a_container_without_launcher_ends_at_its_deadline_and_is_swept(
    engine: str, client: docker.DockerClient, tmp_path: Path
) -> None:
    run_dir = contained_run(engine, tmp_path, "fine", "hangs", "last", timeout_s=15.0)
    with under_way(engine, run_dir, "hangs") as launcher:
        container = container_of(client, run_dir)
        launcher.kill()
    started = datetime.fromisoformat(container.attrs["State"]["StartedAt"])
    container.wait(timeout=120)
    container.reload()
    finished = datetime.fromisoformat(container.attrs["State"]["FinishedAt"])

    assert container.attrs["State"]["ExitCode"] == 5
    assert 15.0 <= (finished - started).total_seconds() < 15.0 + GONE_IN_S
    assert ends_of(run_dir) == ["ok", "failed: timeout", "failed: timeout"]
    assert run_dir.read_report().run.finished is not None
    assert not run_dir.outcome_file.exists()

    other = contained_run(engine, tmp_path, "fine", run_id="b-run")
    done = finish(other, "run", "--resume", "b-run", DOCKER_HOST=engine)

    assert done.returncode == 0, done.stderr
    assert client.containers.list(all=True, filters={"id": str(container.id)}) == []
    assert run_dir.read_outcome().exit_code == 5
    assert run_dir.read_outcome().finished < datetime.now(UTC)


def test_a_flood_of_output_and_a_descendant_with_the_pipe_hold_nobody(
    engine: str, tmp_path: Path
) -> None:
    run_dir = contained_run(engine, tmp_path, "floods", "forks", "last")

    done = finish(run_dir, *RESUME, DOCKER_HOST=engine)

    assert done.returncode == 5
    assert ends_of(run_dir) == ["ok", "lost: infra", "ok"]
    assert run_dir.events_file.stat().st_size < 2 * MAX_OUTPUT_CHARS


def test_a_clock_that_is_set_back_a_day_changes_no_figure_and_no_deadline(
    engine: str, client: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every process within the container, and its launcher, sees the wall clock jump."""
    image = client.images.build(fileobj=io.BytesIO(JUMPING), tag="nobs-test:clock", rm=True)[0]
    run_dir = contained_run(
        engine, tmp_path, "waits", "hangs", "last", image=image.tags[0],
        step_timeouts={"hangs": 1.5},
    )  # fmt: skip
    monkeypatch.setenv("LD_PRELOAD", str(make_clock(run_dir.path)))
    monkeypatch.setenv("FAULT_STEP", str(run_dir.path / "step"))
    try:
        with under_way(engine, run_dir, "waits") as launcher:
            (run_dir.path / "step").touch()
            let_go(run_dir)
    finally:
        client.images.remove("nobs-test:clock", force=True)

    assert launcher.returncode == 5
    assert ends_of(run_dir) == ["ok", "failed: timeout", "ok"]
    jumped = result_of(run_dir, "waits")
    assert jumped.finished < jumped.started
    assert all(0 < sample.duration_s < 5 for sample in jumped.samples)


def test_results_that_are_removed_end_the_container_with_the_reason(
    engine: str, tmp_path: Path
) -> None:
    run_dir = contained_run(engine, tmp_path, "fine", "waits", "last")
    with start(run_dir, *RESUME, DOCKER_HOST=engine) as launcher:
        await_(lambda: has_begun(run_dir, "waits"))
        shutil.rmtree(run_dir.results)
        _, stderr = launcher.communicate(timeout=60)

    assert launcher.returncode == 3
    assert str(run_dir.path) in stderr
    assert not run_dir.path.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 72 MiB at `tmp_path/results`, made by root alone."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    place = tmp_path / "results"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=72m", "nobs-test", place], check=True)
    yield tmp_path
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_ends_the_container_and_resuming_finishes_the_run(
    engine: str, small_disk: Path
) -> None:
    run_dir = contained_run(engine, small_disk, "fine", "fills", "last")

    done = finish(run_dir, *RESUME, DOCKER_HOST=engine)

    assert done.returncode == 3
    assert "No space left on device" in done.stderr
    assert reason_of(run_dir, "fine") == "ok"
    kept = run_dir.result_file("fine").read_bytes()

    filling = run_dir.path / "filling"
    filling.unlink()
    filling.symlink_to("/dev/full")
    done = finish(run_dir, *RESUME, DOCKER_HOST=engine)
    assert done.returncode == 0, done.stderr
    assert ends_of(run_dir) == ["ok"] * 3
    assert run_dir.result_file("fine").read_bytes() == kept
