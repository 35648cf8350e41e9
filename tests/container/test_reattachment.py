"""Containers whose launcher died: taken over with every line once, or swept when nobody comes.

`python -m tests.container.test_reattachment ROUNDS` does any number of rounds.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import docker
import pytest

from nobs.launch.container.life import adopt_container
from nobs.launch.container.plan import (
    LABEL_OWNER,
    LABEL_PROCESS,
    LABEL_RUN_ID,
    RUN_DIR_IN_CONTAINER,
    owner_name,
)
from nobs.launch.engine.client import Engine, connect
from nobs.launch.executor.container import ContainerExecutor
from nobs.launch.output import Output, count_recorded
from nobs.launch.run.sweep import sweep
from nobs.schema.outcome import Outcome
from nobs.storage.rundir import RunDir
from tests.container.launching import BASE_IMAGE, Launch

ROUNDS = 5
LINES, HELD = 300, 250
"""At 4 ms each those before the held one take longer than a round waits; it waits for the kill."""
SAY = (
    "import pathlib, sys, time\n"
    f"for number in range({LINES}):\n"
    f"    while number == {HELD} and not pathlib.Path('{RUN_DIR_IN_CONTAINER}/go').exists():\n"
    "        time.sleep(0.004)\n"
    "    print('out', number, flush=True)\n"
    "    print('err', number, 'x' * (number * 7 % 300), file=sys.stderr, flush=True)\n"
    "    time.sleep(0.004)\n"
)
LAUNCH = (
    "import sys\n"
    "from pathlib import Path\n"
    "from nobs.launch.engine.client import connect\n"
    "from nobs.launch.output import Output\n"
    "from nobs.storage.rundir import RunDir\n"
    "from tests.container.launching import Launch\n"
    "code, path, run_id = sys.argv[1:]\n"
    "with connect() as engine:\n"
    "    output = Output(RunDir(Path(path)), lambda event: None)\n"
    "    Launch(engine, Path(path), run_id).run(code, on_line=output)\n"
)


def launch_elsewhere(engine: str, launch: Launch, code: str) -> "subprocess.Popen[bytes]":
    """Let a process of its own run `code` in a container and keep its output as events."""
    return subprocess.Popen(
        [sys.executable, "-c", LAUNCH, code, str(launch.run_dir), launch.run_id],
        env=os.environ | {"DOCKER_HOST": engine},
    )


def kill_and_take_over(engine: str, launch: Launch, after_s: float) -> Outcome:
    """Kill the launcher some time after the first line, wait a moment, and take over."""
    run_dir = RunDir(launch.run_dir)
    with launch_elsewhere(engine, launch, SAY) as launcher:
        while not run_dir.events_file.exists():
            assert launcher.poll() is None
            time.sleep(0.005)
        time.sleep(after_s)
        launcher.kill()
    (launch.run_dir / "go").touch()
    output = Output(run_dir, lambda _: None, count_recorded(run_dir, 0))
    outcome = adopt_container(launch.engine, launch.run_id, output, timeout_s=60)
    assert outcome is not None
    return outcome


def lines_of(launch: Launch, stream: str) -> list[str]:
    text = RunDir(launch.run_dir).events_file.read_text()
    events = [json.loads(line) for line in text.splitlines()]
    return [event["text"] for event in events if event["stream"] == stream]


def do_round(engine: str, launch: Launch, after_s: float) -> None:
    outcome = kill_and_take_over(engine, launch, after_s)

    assert outcome.exit_code == 0
    assert lines_of(launch, "stdout") == [f"out {number}" for number in range(LINES)]
    expected = [f"err {number} {'x' * (number * 7 % 300)}".rstrip() for number in range(LINES)]
    assert [line.rstrip() for line in lines_of(launch, "stderr")] == expected
    assert launch.left_behind() == []


@pytest.fixture
def connected(engine: str) -> Iterator[Engine]:
    with connect({"DOCKER_HOST": engine}) as connection:
        yield connection


@pytest.mark.parametrize("number", range(ROUNDS))
def test_every_line_is_kept_once_when_a_launcher_is_killed(
    number: int, engine: str, connected: Engine, tmp_path: Path
) -> None:
    after_s = random.Random(number).uniform(0.0, 0.9)

    do_round(engine, Launch(connected, tmp_path / "run"), after_s)


Create = Callable[..., str]


@pytest.fixture
def create(client: docker.DockerClient) -> Iterator[Create]:
    """Return a function that makes a container with the labels of a launcher."""
    made = []

    def create(command: str, *, process: str, start: bool = True, **labels: str) -> str:
        names = {LABEL_RUN_ID: "a-run", LABEL_OWNER: owner_name(), LABEL_PROCESS: process}
        container = client.containers.create(
            BASE_IMAGE, ["sh", "-c", command], labels=names | labels, network_mode="none"
        )
        made.append(container)
        if start:
            container.start()
        return str(container.name)

    yield create
    for container in made:
        try:
            container.remove(force=True)
        except docker.errors.NotFound:
            continue


DEAD = "4194304:0badb007-1"


def test_ended_and_overdue_containers_of_dead_launchers_are_swept(
    connected: Engine, create: Create
) -> None:
    late = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    early = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    ended = create("true", process=DEAD)
    never_begun = create("true", process=DEAD, start=False)
    overdue = create("sleep 600", process=DEAD, **{"nobs.deadline": late})
    at_work = create("sleep 600", process=DEAD, **{"nobs.deadline": early})
    connected.client.containers.get(ended).wait()

    swept = set(sweep(ContainerExecutor(connected)))

    assert swept >= {f"container {name}" for name in (ended, never_begun, overdue)}
    assert f"container {at_work}" not in swept
    connected.client.containers.get(at_work)


@pytest.mark.parametrize(
    "labels",
    [
        {LABEL_OWNER: "somebody@else"},
        {LABEL_OWNER: ""},
    ],
)
def test_containers_of_others_are_never_swept(
    connected: Engine, create: Create, labels: dict[str, str]
) -> None:
    name = create("true", process=DEAD, **labels)
    connected.client.containers.get(name).wait()

    assert f"container {name}" not in sweep(ContainerExecutor(connected))
    connected.client.containers.get(name)


def main(rounds: int) -> None:
    """Do `rounds` rounds and say how many lost or doubled nothing."""
    with connect() as engine, tempfile.TemporaryDirectory() as directory:
        for number in range(rounds):
            after_s = random.Random(number).uniform(0.0, 0.9)
            do_round(engine.endpoint.url, Launch(engine, Path(directory, str(number))), after_s)
            print(f"{number + 1} of {rounds}: every line once", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
