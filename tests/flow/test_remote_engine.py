"""An engine on another machine is refused before anything is built or measured."""

from pathlib import Path

import pytest

from tests.fakes.command import environment, run_nobs
from tests.fakes.engine import stand_in_engine

RUN = ("run", "--profile", "quick", "--task", "embeddings", "--backend", "cpu")
BOX2 = {"Name": "box2", "KernelVersion": "9.9.9-of-another-machine"}


@pytest.mark.parametrize("execution", ["auto", "container"])
def test_a_socket_that_leads_to_another_machine_is_refused(tmp_path: Path, execution: str) -> None:
    with stand_in_engine(tmp_path / "e.sock", info=BOX2) as engine:
        env = environment(tmp_path, DOCKER_HOST=engine.url)
        done = run_nobs(*RUN, "--execution", execution, "--dry-run", cwd=tmp_path, env=env)

    assert (done.returncode, done.stdout, engine.created) == (3, "", [])
    assert "e.sock (DOCKER_HOST) is on another machine (box2)." in done.stderr
    assert "Run NOBS on that machine" in done.stderr


def test_this_machine_can_still_be_measured_natively(tmp_path: Path) -> None:
    with stand_in_engine(tmp_path / "e.sock", info=BOX2) as engine:
        env = environment(tmp_path, DOCKER_HOST=engine.url)
        done = run_nobs(*RUN, "--execution", "native", "--dry-run", cwd=tmp_path, env=env)

    assert done.returncode == 0
    assert "cpu, native" in done.stdout


def test_auto_never_measures_this_machine_in_place_of_one_that_does_not_answer(
    tmp_path: Path,
) -> None:
    # A name that never resolves.
    env = environment(tmp_path, DOCKER_HOST="tcp://nowhere.invalid:2375")
    done = run_nobs(*RUN, "--dry-run", cwd=tmp_path, env=env)

    assert (done.returncode, done.stdout) == (3, "")
    assert "nowhere.invalid:2375 (DOCKER_HOST)" in done.stderr
