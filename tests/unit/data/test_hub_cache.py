from pathlib import Path

import pytest

from nobs.data.hub_cache import find_file, find_model, missing_pins, own_paths
from nobs.data.weights import is_complete
from nobs.schema.pins import DatasetPin, ModelPin, Source
from tests.fakes.runs import quick_workload
from tests.fakes.weights import write_model

COMMIT = "a" * 40
MODEL = ModelPin(id="test/small", revision=COMMIT)
TEXTS = DatasetPin(id="test/texts", revision=COMMIT, file="data/one.parquet", rows=1)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    write_model(tmp_path / "models--test--small" / "snapshots" / COMMIT)
    return tmp_path


def test_a_whole_model_is_found_by_its_commit(cache: Path) -> None:
    snapshot = cache / "models--test--small" / "snapshots" / COMMIT
    assert find_model(MODEL, cache, is_complete) == snapshot
    other = MODEL.model_copy(update={"revision": "b" * 40})
    assert find_model(other, cache, is_complete) is None


def test_no_revision_means_main(cache: Path) -> None:
    pin = MODEL.model_copy(update={"revision": None})
    assert find_model(pin, cache, is_complete) is None
    (cache / "models--test--small" / "refs").mkdir()
    (cache / "models--test--small" / "refs" / "main").write_text(COMMIT)
    assert find_model(pin, cache, is_complete) is not None


def test_cut_short_weights_are_not_a_model(cache: Path) -> None:
    weights = cache / "models--test--small" / "snapshots" / COMMIT / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert find_model(MODEL, cache, is_complete) is None


def test_one_file_of_a_data_set(cache: Path) -> None:
    assert find_file(TEXTS, cache) is None
    file = cache / "datasets--test--texts" / "snapshots" / COMMIT / "data" / "one.parquet"
    file.parent.mkdir(parents=True)
    file.touch()
    assert find_file(TEXTS, cache) == file


def test_what_is_missing(cache: Path) -> None:
    pins: list[DatasetPin | ModelPin] = [
        MODEL,
        TEXTS,
        ModelPin(id="packaged", source=Source.PACKAGE, package="json:tool"),
        ModelPin(id="uninstalled", source=Source.PACKAGE, package="no_such_package:path"),
        DatasetPin(id="travels", source=Source.PACKAGE, rows=1),
        DatasetPin(id=str(cache), source=Source.PATH, rows=1),
    ]
    assert missing_pins(pins, cache, is_complete) == ["test/texts", "uninstalled"]


def test_own_models_come_with_what_their_links_lead_to(tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / COMMIT
    write_model(snapshot)
    (snapshot / "1_Pooling").mkdir(exist_ok=True)
    blobs.mkdir()
    for name in ("config.json", "1_Pooling/config.json"):
        (blobs / name.replace("/", "-")).write_text("{}")
        (snapshot / name).unlink(missing_ok=True)
        (snapshot / name).symlink_to(blobs / name.replace("/", "-"))
    (snapshot / "same.json").symlink_to(snapshot / "modules.json")
    own = ModelPin(id=str(snapshot), source=Source.PATH)
    workload = quick_workload().model_copy(update={"models": (MODEL, own)})

    assert own_paths([workload]) == [snapshot, blobs]


def test_a_path_that_only_the_container_has_is_not_mounted(cache: Path) -> None:
    """Texts in the run directory lie at a path that this machine doesn't have."""
    own = DatasetPin(id=str(cache / "inside" / "texts.txt"), source=Source.PATH, rows=1)
    workload = quick_workload().model_copy(update={"dataset": own, "models": ()})

    assert own_paths([workload]) == []
