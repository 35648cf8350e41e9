"""What the doctor finds of disk and hub, as values."""

import socket
from pathlib import Path

from nobs.data.hub_cache import kept_rows
from nobs.launch.doctor.check import State
from nobs.launch.doctor.disk import check_cache, check_engine_room, check_hub, check_results
from nobs.schema.enums import Backend
from nobs.schema.pins import DatasetPin


def test_results_leave_nothing_behind(tmp_path: Path) -> None:
    assert check_results(tmp_path / "not" / "yet").state is State.OK
    assert list(tmp_path.iterdir()) == []


def test_the_cache_lacks_what_a_commit_pins_and_is_not_here(tmp_path: Path) -> None:
    pins = [
        DatasetPin(id="test/pinned", revision="a" * 40, file="a.parquet", rows=1),
        # Each run reads its newest commit.
        DatasetPin(id="test/unpinned", rows=1),
        DatasetPin(id="test/kept", revision="a" * 40, rows=1),
    ]
    kept = kept_rows(pins[-1], tmp_path)
    kept.parent.mkdir()
    kept.touch()

    check = check_cache(Path("/"), tmp_path / "hub", pins)

    assert check.state is State.WARN
    assert check.found.endswith(
        "1 of 2 models and data sets of the catalogue are cached; missing: test/pinned."
    )


def test_the_disk_of_another_machine_is_not_ours() -> None:
    assert check_engine_room(None, Backend.CPU).state is State.SKIP


def test_a_hub_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        check = check_hub(endpoint, offline=False, timeout_s=0.2)
    assert check.state is State.WARN
    assert endpoint in check.found


def test_an_endpoint_that_is_no_address() -> None:
    check = check_hub("huggingface", offline=False)
    assert check.state is State.WARN
    assert "huggingface can't be reached" in check.found
