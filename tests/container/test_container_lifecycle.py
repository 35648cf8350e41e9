"""Container runs whose launcher is gone: watched, taken over, ended, resumed after a power loss."""

import json
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import docker
import pytest

from nobs.launch.container.plan import LABEL_DEADLINE, LABEL_OWNER, LABEL_RUN_ID, owner_name
from tests.container.faulty import (
    RESUME,
    contained_run,
    container_of,
    ends_of,
    let_go,
    under_way,
)
from tests.fakes.rounds import RUN_ID, await_, events_of, finish, has_begun, interrupt_at, start
from tests.fakes.traces import nothing_left
from tests.soak.kills import MAX_DELAY_S, MAX_EVENTS, STEPS, check_resumed, count_events, look

pytestmark = pytest.mark.long

ROUNDS = 4


@pytest.fixture(autouse=True)
def _traceless(tmp_path: Path, engine: str, faulty_image: str) -> Iterator[None]:
    with nothing_left(tmp_path, engine):
        yield


def test_attach_takes_over_from_a_launcher_that_died(
    engine: str, client: docker.DockerClient, tmp_path: Path
) -> None:
    run_dir = contained_run(engine, tmp_path, "fine", "waits", "last")
    with under_way(engine, run_dir, "waits") as launcher:
        labels = container_of(client, run_dir).labels
        launcher.kill()
    (listed,) = json.loads(finish(run_dir, "ps", "--json", DOCKER_HOST=engine).stdout)
    refused = finish(run_dir, *RESUME, DOCKER_HOST=engine)
    with start(run_dir, "logs", "-f", "--json", RUN_ID, DOCKER_HOST=engine) as followed:
        let_go(run_dir)
        done = finish(run_dir, "attach", RUN_ID, DOCKER_HOST=engine)
        said, _ = followed.communicate(timeout=60)

    assert (labels[LABEL_RUN_ID], labels[LABEL_OWNER]) == (RUN_ID, owner_name())
    assert labels[LABEL_DEADLINE]
    assert (listed["phase"], listed["steps_ok"]) == ("orphaned", 1)
    assert (refused.returncode, "is still running" in refused.stderr) == (2, True)
    assert done.returncode == 0, done.stderr
    assert ends_of(run_dir) == ["ok"] * 3
    assert said == run_dir.events_file.read_text()
    lines = [json.dumps(event) for event in events_of(run_dir)]
    assert len(lines) == len(set(lines))
    assert sum("step.finished" in line for line in lines) == 3
    assert len(list(run_dir.results.glob("report_*.json"))) == 1


def test_interrupt_in_attach_ends_a_container_without_launcher(engine: str, tmp_path: Path) -> None:
    run_dir = contained_run(engine, tmp_path, "fine", "hangs", "last")
    with under_way(engine, run_dir, "hangs") as launcher:
        launcher.kill()
    with start(run_dir, "attach", RUN_ID, DOCKER_HOST=engine) as attached:
        interrupt_at(attached, "step 2/3")

    assert attached.returncode == 130
    assert ends_of(run_dir) == ["ok", "failed: interrupted", "failed: interrupted"]


def test_detached_run_ends_as_any_other(engine: str, tmp_path: Path) -> None:
    run_dir = contained_run(engine, tmp_path, "fine", "waits", "raises")
    detached = finish(run_dir, *RESUME, "--detach", DOCKER_HOST=engine)
    await_(lambda: has_begun(run_dir, "waits"))
    let_go(run_dir)

    attached = finish(run_dir, "attach", RUN_ID, DOCKER_HOST=engine)

    assert (detached.returncode, detached.stdout) == (0, f"{RUN_ID}\n")
    assert attached.returncode == 1
    assert ends_of(run_dir) == ["ok", "ok", "failed: benchmark"]


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_loss_of_power_loses_nothing_that_was_finished(
    engine: str, client: docker.DockerClient, tmp_path: Path, number: int
) -> None:
    moments = random.Random(number)
    run_dir = contained_run(engine, tmp_path, *STEPS)
    events, delay_s = moments.randrange(MAX_EVENTS), moments.uniform(0.0, MAX_DELAY_S)
    with start(run_dir, *RESUME, DOCKER_HOST=engine) as launcher:
        await_(lambda: count_events(run_dir) >= events or launcher.poll() is not None)
        time.sleep(delay_s)
        launcher.kill()
        label = f"{LABEL_RUN_ID}={RUN_ID}"
        for container in client.containers.list(filters={"label": label}, ignore_removed=True):
            # It may have ended by itself.
            with suppress(docker.errors.APIError):
                container.kill()
            with suppress(docker.errors.NotFound):
                container.wait()
    kept = look(run_dir)

    check_resumed(run_dir, kept, finish(run_dir, *RESUME, DOCKER_HOST=engine))


def test_an_odd_name_of_the_results_is_mounted_as_it_is(engine: str, tmp_path: Path) -> None:
    home = tmp_path / "a b, c:d 'e' $HOME #f;é"
    home.mkdir()
    run_dir = contained_run(engine, home, "fine")

    done = finish(run_dir, *RESUME, DOCKER_HOST=engine)

    assert done.returncode == 0, done.stderr
    assert ends_of(run_dir) == ["ok"]


def test_results_through_a_link_are_mounted_where_it_leads(engine: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "results").symlink_to(tmp_path / "elsewhere")
    run_dir = contained_run(engine, tmp_path, "fine")

    done = finish(run_dir, *RESUME, DOCKER_HOST=engine)

    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "elsewhere").glob("report_*.json"))) == 1


def test_two_runs_in_one_results_directory_do_not_mix(engine: str, tmp_path: Path) -> None:
    first = contained_run(engine, tmp_path, "fine", "waits")
    second = contained_run(engine, tmp_path, "fine", "waits", run_id="b-run")
    with (
        under_way(engine, first, "waits") as one,
        start(second, "run", "--resume", "b-run", DOCKER_HOST=engine) as other,
    ):
        await_(lambda: has_begun(second, "waits"))
        for run_dir in (first, second):
            let_go(run_dir)
        other.communicate(timeout=60)

    assert (one.returncode, other.returncode) == (0, 0)
    assert [run_dir.read_report().run.id for run_dir in (first, second)] == [RUN_ID, "b-run"]
