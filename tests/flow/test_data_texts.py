"""Pinned and open texts through the real client, from a hub on loopback, in a child process."""

from pathlib import Path
from typing import Any

import pytest

from nobs.schema.pins import DatasetPin
from tests.fakes.hub import FakeHub
from tests.fakes.imdb import reviews, write_imdb
from tests.fakes.loader import Loader, loader

COMMIT = "e6281661ce1c48d982bc483cf8a173c1bbeb5d31"
OTHER_COMMIT = "0" * 40


@pytest.fixture
def pin(hub: FakeHub, request: pytest.FixtureRequest) -> DatasetPin:
    """A repository of its own for each test."""
    name = (
        f"test/texts-{request.node.name.removeprefix('test_')[:60].replace('[', '-').strip(']-_')}"
    )
    pin = write_imdb(hub.repo_dir("datasets", name, COMMIT), count=1200)
    return pin.model_copy(update={"id": name})


def changed(pin: DatasetPin, **changes: object) -> DatasetPin:
    return pin.model_copy(update=changes)


def cached_file(home: Path, pin: DatasetPin) -> Path:
    repo = home / "hub" / f"datasets--{pin.id.replace('/', '--')}"
    return (repo / "snapshots" / COMMIT / str(pin.file)).resolve()


def test_one_file_is_fetched_once(hub: FakeHub, child: Loader, home: Path, pin: DatasetPin) -> None:
    first = child.texts(pin)
    requests = list(hub.requests_of(pin.id))
    assert first["rows"] == reviews(100)
    assert first["evidence"]["rows_verified"]
    assert first["evidence"]["file_verified"]
    assert hub.sent_bytes(pin.id) == pin.file_bytes
    assert child.texts(pin) == child.texts(pin, offline=True) == first
    assert hub.requests_of(pin.id) == requests
    with loader("http://127.0.0.1:9", home) as unreachable:
        assert unreachable.texts(pin) == first
        missing = unreachable.texts(changed(pin, id="test/never-seen"))
    assert missing["error"] == "DataError"
    assert "http://127.0.0.1:9 can't be reached" in missing["message"]
    assert "nobs prefetch" in missing["remedy"]
    assert "--profile quick" in missing["remedy"]


def test_a_flipped_byte_is_found(hub: FakeHub, child: Loader, home: Path, pin: DatasetPin) -> None:
    hub.faults.flipped.add(str(pin.file))
    fetched = child.texts(pin)
    hub.faults.flipped.clear()
    assert fetched["error"] == "DataError"
    assert f"the pin has {pin.file_sha256}" in fetched["message"]
    assert str(cached_file(home, pin)) in fetched["remedy"]
    assert child.texts(pin) == fetched
    assert child.texts(pin, force=True)["rows"] == reviews(100)


def test_a_file_cut_short_is_found(child: Loader, home: Path, pin: DatasetPin) -> None:
    child.texts(pin)
    cached_file(home, pin).write_bytes(cached_file(home, pin).read_bytes()[:1000])
    answer = child.texts(pin, offline=True)
    assert answer["error"] == "DataError"
    assert f"has 1000 bytes; the pin has {pin.file_bytes}" in answer["message"]


def test_other_rows_than_the_pinned_ones_are_refused(child: Loader, pin: DatasetPin) -> None:
    answer = child.texts(changed(pin, rows=99))
    assert answer["error"] == "DataError"
    assert f"the pin has {pin.rows_sha256}" in answer["message"]


def test_more_room_than_the_disk_has_is_refused_before_any_request(
    hub: FakeHub, child: Loader, pin: DatasetPin
) -> None:
    answer = child.texts(changed(pin, file_bytes=10**18))
    assert answer["error"] == "StorageError"
    assert f"needs {10**18} bytes" in answer["message"]
    assert not hub.requests_of(pin.id)


def test_offline_without_a_cache_asks_nobody(hub: FakeHub, child: Loader, pin: DatasetPin) -> None:
    answer = child.texts(pin, offline=True)
    assert answer["error"] == "DataError"
    assert "is not in" in answer["message"]
    assert not hub.requests_of(pin.id)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "test/nowhere"}, "no data set test/nowhere"),
        ({"revision": OTHER_COMMIT}, f"no revision {OTHER_COMMIT}"),
        ({"file": "plain_text/other.parquet"}, "A file of data set"),
        ({"id": "no such name"}, "no data set no such name"),
    ],
    ids=["repository", "revision", "file", "name"],
)
def test_what_the_hub_lacks_is_named(
    child: Loader, pin: DatasetPin, changes: dict[str, Any], message: str
) -> None:
    answer = child.texts(changed(pin, **changes))
    assert answer["error"] == "DataError"
    assert message in answer["message"]


def test_a_gated_data_set_is_named(hub: FakeHub, child: Loader, pin: DatasetPin) -> None:
    hub.faults.gated.add(pin.id)
    answer = child.texts(pin)
    assert "accepting its terms" in answer["message"]
    assert "HF_TOKEN" in answer["remedy"]


@pytest.mark.parametrize("status", [401, 403, 501])
def test_a_refusing_hub_is_named(hub: FakeHub, child: Loader, pin: DatasetPin, status: int) -> None:
    hub.faults.status[pin.id] = status
    answer = child.texts(pin)
    assert answer["error"] == "DataError"
    assert str(status) in answer["message"] or "private" in answer["message"]


def test_an_open_data_set_is_streamed_and_kept(
    hub: FakeHub, child: Loader, pin: DatasetPin
) -> None:
    opened = DatasetPin(id=pin.id, rows=20)
    answer = child.texts(opened)
    requests = list(hub.requests_of(pin.id))
    assert answer["rows"] == reviews(20)
    assert not answer["evidence"]["rows_verified"]
    assert child.texts(opened, offline=True) == answer
    assert hub.requests_of(pin.id) == requests


@pytest.mark.long
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"column": "review"}, "no column 'review'"),
        ({"split": "nowhere"}, "split 'nowhere'"),
        ({"config": "nowhere"}, "nowhere"),
        ({"id": "test/nowhere"}, "test/nowhere"),
        ({"rows": 2000}, "has 1200 rows; 2000 were requested"),
    ],
    ids=["column", "split", "config", "repository", "rows"],
)
def test_what_an_open_data_set_lacks_is_named(
    child: Loader, pin: DatasetPin, changes: dict[str, Any], message: str
) -> None:
    answer = child.texts(DatasetPin(id=pin.id, rows=5).model_copy(update=changes))
    assert answer["error"] == "DataError"
    assert message in answer["message"]
