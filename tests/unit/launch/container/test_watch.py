from datetime import UTC, datetime
from pathlib import Path

import pytest

from nobs.errors import StorageError
from nobs.launch.container.life import make_source
from nobs.launch.container.plan import BindMount
from nobs.launch.container.watch import read_outcome
from nobs.schema.enums import Execution

# Recorded from dockerd 20.10.24, shortened.
INSPECTED = {
    "Id": "96f98312cfb8",
    "Image": "sha256:97b0c4fd8763",
    "State": {
        "Status": "exited",
        "OOMKilled": True,
        "ExitCode": 137,
        "Error": "",
        "StartedAt": "2026-11-23T17:22:11.123456789Z",
        "FinishedAt": "2026-11-23T17:22:12.5Z",
    },
}


def test_an_outcome_is_what_the_engine_saw() -> None:
    outcome = read_outcome(INSPECTED, timed_out=False, interrupted=True)

    assert outcome.execution is Execution.CONTAINER
    assert (outcome.exit_code, outcome.oom_killed) == (137, True)
    assert (outcome.timed_out, outcome.interrupted) == (False, True)
    assert outcome.started == datetime(2026, 11, 23, 17, 22, 11, 123456, tzinfo=UTC)
    assert outcome.image_id == "sha256:97b0c4fd8763"


def test_a_missing_directory_is_made_before_it_is_mounted(tmp_path: Path) -> None:
    make_source(BindMount(source=tmp_path / "a" / "b", target="/run-dir"))

    assert (tmp_path / "a" / "b").is_dir()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StorageError) as caught:
        make_source(BindMount(source=tmp_path / "file" / "b", target="/run-dir"))

    assert str(tmp_path / "file" / "b") in caught.value.message
