"""Pictures of the hub through the real client and `datasets`, from a hub on loopback."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from nobs.catalog import load_catalog
from nobs.schema.pins import DatasetPin
from tests.fakes.hub import FakeHub
from tests.fakes.hub_pictures import REDUCED, UPRIGHT, question, write_photographs
from tests.fakes.loader import Loader, hub_environment, loader

pytestmark = pytest.mark.long

PIN = load_catalog().datasets["DogNeverSleep/Hallucination_COCO"]
COMMITS = ["a" * 40, "b" * 40]


@pytest.fixture
def name(hub: FakeHub, request: pytest.FixtureRequest) -> str:
    """A repository of its own for each test, with one commit."""
    name = f"test/pictures-{request.node.name.removeprefix('test_')[:60].strip('_')}"
    write_photographs(hub.repo_dir("datasets", name, COMMITS[0]))
    return name


def pin_of(name: str, **changes: object) -> DatasetPin:
    return PIN.model_copy(update={"id": name, "revision": None, "rows_sha256": "", **changes})


def test_unpinned_pictures_are_of_the_newest_commit_which_is_recorded(
    hub: FakeHub, child: Loader, name: str
) -> None:
    first = child.pictures(pin_of(name))

    assert [row[0] for row in first["rows"]] == [f"row-{n}" for n in range(1, 11)]
    assert [row[1] for row in first["rows"]] == [REDUCED, UPRIGHT] * 5
    assert [row[2] for row in first["rows"]] == [question(n) for n in range(1, 11)]
    evidence = first["evidence"]
    assert evidence["revision"] == COMMITS[0]
    assert len(set(evidence["pixels_sha256"])) == 10
    assert not evidence["rows_verified"]
    write_photographs(hub.repo_dir("datasets", name, COMMITS[1]), shade=99)
    second = child.pictures(pin_of(name))["evidence"]
    assert second["revision"] == COMMITS[1]
    assert not {*evidence["pixels_sha256"]} & {*second["pixels_sha256"]}


def test_pinned_pictures_are_fetched_once_and_compared(
    hub: FakeHub, child: Loader, home: Path, name: str
) -> None:
    found = child.pictures(pin_of(name))["evidence"]
    pinned = pin_of(name, revision=COMMITS[0], rows_sha256=found["rows_sha256"])
    write_photographs(hub.repo_dir("datasets", name, COMMITS[1]), shade=99)

    first = child.pictures(pinned)

    assert first["evidence"] == {**found, "rows_verified": True}
    requests = list(hub.requests_of(name))
    assert child.pictures(pinned) == child.pictures(pinned, offline=True) == first
    assert hub.requests_of(name) == requests
    with loader("http://127.0.0.1:9", home) as unreachable:
        assert unreachable.pictures(pinned) == first
        refused = unreachable.pictures(pin_of(name))
    assert "can't be reached" in refused["message"]
    other = child.pictures(pin_of(name, revision=COMMITS[1], rows_sha256=found["rows_sha256"]))
    assert "aren't the pictures of the workload" in other["remedy"]


def test_prefetching_names_the_commit_that_it_found(
    hub: FakeHub, home: Path, tmp_path: Path
) -> None:
    write_photographs(hub.repo_dir("datasets", PIN.id, COMMITS[0]))
    command = [sys.executable, "-m", "nobs", "prefetch", "--profile", "coco"]

    done = subprocess.run(
        command, env=hub_environment(hub.url, home), cwd=tmp_path, check=True,
        capture_output=True, text=True,
    )  # fmt: skip

    assert f"revision {COMMITS[0]}" in " ".join(done.stdout.split())
    assert "no digest is pinned" in done.stdout


def test_offline_without_kept_pictures_asks_nobody(hub: FakeHub, child: Loader, name: str) -> None:
    answer = child.pictures(pin_of(name), offline=True)

    assert answer["error"] == "DataError"
    assert "nobs prefetch" in answer["remedy"]
    assert not hub.requests_of(name)


def test_a_data_set_without_enough_pictures_or_questions_is_named(
    hub: FakeHub, child: Loader, name: str
) -> None:
    write_photographs(hub.repo_dir("datasets", name, COMMITS[1]), count=3)

    assert "has 3 rows; 10 are needed" in child.pictures(pin_of(name))["message"]
    assert "no column 'text'" in child.pictures(pin_of(name, column="text"))["message"]
    assert "has no image" in child.pictures(pin_of(name, column="image"))["message"]


def test_the_tool_pins_what_a_run_then_loads(
    hub: FakeHub, child: Loader, home: Path, tmp_path: Path
) -> None:
    write_photographs(hub.repo_dir("datasets", PIN.id, COMMITS[0]))
    catalogue, pixels = tmp_path / "datasets.toml", tmp_path / "hub-pixels.json"
    source = Path("nobs/catalog/datasets.toml").read_text(encoding="utf-8")
    catalogue.write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", "tools.pin_coco",
               "--catalogue", str(catalogue), "--pixels", str(pixels)]  # fmt: skip

    subprocess.run(command, env=hub_environment(hub.url, home), check=True, capture_output=True)

    tables = tomllib.loads(catalogue.read_text(encoding="utf-8"))
    pinned = DatasetPin(id=PIN.id, **tables.pop(PIN.id))
    before = tomllib.loads(source)
    before.pop(PIN.id)
    assert tables == before
    assert pinned.revision == COMMITS[0]
    evidence = child.pictures(pinned)["evidence"]
    assert evidence["rows_verified"]
    digests = json.loads(pixels.read_text(encoding="utf-8"))[PIN.id]
    assert digests["pixels_sha256"] == evidence["pixels_sha256"]
