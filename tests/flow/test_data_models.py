"""Weights through the real client, from a hub on loopback, in a child process."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nobs.schema.pins import ModelPin
from tests.fakes.hub import FakeHub, fake_hub
from tests.fakes.loader import Loader, hub_environment, loader
from tests.fakes.weights import FILES, OTHER_FILES, write_model

COMMIT = "4bef63f39fcc5e2d6b0aae83089f307af4970164"
OTHER_COMMIT = "0" * 40
WEIGHTS = "model.safetensors"

EMBED = """
import json, sys
from pathlib import Path
from tests.fakes.models import FULL, TINY, write_repositories
write_repositories(Path(sys.argv[1]), dict.fromkeys(FULL, TINY))
import numpy as np
from sentence_transformers import SentenceTransformer
from nobs.catalog import load_catalog
from nobs.data.models import open_model
from nobs.data.texts import load_texts
catalog = load_catalog()
texts = list(load_texts(catalog.datasets["nobs/austen-passages"]).rows[:6])
for pin in catalog.workload("embeddings", "standard").models:
    built = Path(sys.argv[1]) / "models" / pin.id / pin.revision
    opened = open_model(pin)
    model = SentenceTransformer(str(opened.path), device="cpu", local_files_only=True)
    got = model.encode(texts)
    same = np.array_equal(got, SentenceTransformer(str(built), device="cpu").encode(texts))
    print(json.dumps({
        "revision": opened.weights.revision,
        "class": type(model[0].model).__name__,
        "modules": [type(module).__name__ for module in model],
        "shape": got.shape, "norms": float(np.linalg.norm(got, axis=1).mean()), "same": bool(same),
        "tokens": len(model.tokenizer(texts[0])["input_ids"]) / len(texts[0].split()),
    }))
"""


@pytest.fixture
def pin(hub: FakeHub, request: pytest.FixtureRequest) -> ModelPin:
    """A repository of its own for each test."""
    name = (
        f"test/models-{request.node.name.removeprefix('test_')[:60].replace('[', '-').strip(']-_')}"
    )
    write_model(hub.repo_dir("models", name, COMMIT), content=name.encode())
    return ModelPin(id=name, revision=COMMIT, weights_file=WEIGHTS)


def changed(pin: ModelPin, **changes: object) -> ModelPin:
    return pin.model_copy(update=changes)


def fetched_files(hub: FakeHub, pin: ModelPin) -> set[str]:
    paths = (request.path for request in hub.requests_of(pin.id) if request.sent_bytes)
    return {path.partition(f"/resolve/{COMMIT}/")[2] for path in paths} - {""}


def test_weights_are_fetched_once_and_as_safetensors(
    hub: FakeHub, child: Loader, home: Path, pin: ModelPin
) -> None:
    first = child.model(pin)
    requests = list(hub.requests_of(pin.id))
    assert first["revision"] == COMMIT
    assert Path(first["path"]).is_relative_to(home)
    assert fetched_files(hub, pin) == {*FILES, WEIGHTS}
    assert not fetched_files(hub, pin) & set(OTHER_FILES)
    assert not first["weights"]["verified"]
    pinned = changed(pin, weights_sha256=first["weights"]["files"][WEIGHTS])
    assert child.model(pinned, offline=True)["weights"]["verified"]
    assert child.model(pin) == first
    assert hub.requests_of(pin.id) == requests
    with loader("http://127.0.0.1:9", home) as unreachable:
        assert unreachable.model(pin) == first
        missing = unreachable.model(changed(pin, id="test/never-seen"))
    assert missing["error"] == "ModelMissing"
    assert "http://127.0.0.1:9 can't be reached" in missing["message"]
    assert "nobs prefetch" in missing["remedy"]


def test_a_branch_is_asked_for_again_and_named_by_its_commit(
    hub: FakeHub, child: Loader, pin: ModelPin
) -> None:
    opened = changed(pin, revision=None)
    first = child.model(opened)
    count = len(hub.requests_of(pin.id))
    assert first["revision"] == COMMIT
    assert child.model(opened, offline=True) == first
    assert len(hub.requests_of(pin.id)) == count
    assert child.model(opened) == first
    assert len(hub.requests_of(pin.id)) > count


def test_a_flipped_byte_is_found_without_a_pinned_digest(
    hub: FakeHub, child: Loader, pin: ModelPin
) -> None:
    hub.faults.flipped.add(WEIGHTS)
    fetched = child.model(pin)
    hub.faults.flipped.clear()
    assert fetched["error"] == "ModelMissing"
    assert "the hub lists" in fetched["message"]
    assert "nobs prefetch --force" in fetched["remedy"]
    assert child.model(pin, offline=True) == fetched
    assert child.model(pin, force=True)["revision"] == COMMIT


def test_other_weights_than_the_pinned_ones_are_refused(child: Loader, pin: ModelPin) -> None:
    answer = child.model(changed(pin, weights_sha256="0" * 64))
    assert answer["error"] == "ModelMissing"
    assert "the pin has 0000" in answer["message"]


@pytest.mark.parametrize("offline", [True, False])
def test_weights_cut_short_are_found(child: Loader, pin: ModelPin, offline: bool) -> None:
    weights = Path(child.model(pin)["path"]) / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-3])
    answer = child.model(pin, offline=offline)
    assert answer["error"] == "ModelMissing"
    assert "truncated" in answer["message"]
    assert child.model(pin, force=True)["revision"] == COMMIT


def test_an_incomplete_snapshot_is_completed_where_the_network_allows(
    child: Loader, pin: ModelPin
) -> None:
    first = child.model(pin)
    modules = Path(first["path"]) / "modules.json"
    modules.unlink()
    offline = child.model(pin, offline=True)
    assert offline["error"] == "ModelMissing"
    assert "is not complete in" in offline["message"]
    assert child.model(pin) == first
    assert modules.is_file()


def test_offline_without_a_cache_asks_nobody(hub: FakeHub, child: Loader, pin: ModelPin) -> None:
    answer = child.model(pin, offline=True)
    assert answer["error"] == "ModelMissing"
    assert "HF_HOME" in answer["remedy"]
    assert not hub.requests_of(pin.id)


def test_another_kind_of_model_is_refused_before_its_weights_are_fetched(
    hub: FakeHub, child: Loader, pin: ModelPin
) -> None:
    repo = hub.repo_dir("models", pin.id, COMMIT)
    settings = {"model_type": "SparseEncoder"}
    (repo / "config_sentence_transformers.json").write_text(json.dumps(settings))
    answer = child.model(pin)

    assert answer["error"] == "OtherModel"
    assert "sparse encoder" in answer["message"]
    assert WEIGHTS not in fetched_files(hub, pin)


def test_a_repository_without_a_config_at_its_top_is_whole(
    hub: FakeHub, child: Loader, pin: ModelPin
) -> None:
    repo = hub.repo_dir("models", pin.id, COMMIT)
    folder = repo / "0_StaticEmbedding"
    folder.mkdir()
    for name in (WEIGHTS, "tokenizer.json"):
        (repo / name).rename(folder / name)
    (repo / "config.json").unlink()
    kind = "sentence_transformers.models.StaticEmbedding"
    listed = [{"idx": 0, "name": "0", "path": folder.name, "type": kind}]
    (repo / "modules.json").write_text(json.dumps(listed))
    pin = changed(pin, weights_file=None)

    assert list(child.model(pin)["weights"]["files"]) == [f"{folder.name}/{WEIGHTS}"]
    requests = list(hub.requests_of(pin.id))
    assert "error" not in child.model(pin)
    assert hub.requests_of(pin.id) == requests


def test_a_repository_of_pickles_is_refused(hub: FakeHub, child: Loader, pin: ModelPin) -> None:
    (hub.repo_dir("models", pin.id, COMMIT) / WEIGHTS).unlink()
    answer = child.model(pin)
    assert answer["error"] == "ModelMissing"
    assert "no safetensors weights" in answer["message"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "test/nowhere"}, "no model test/nowhere"),
        ({"revision": OTHER_COMMIT}, f"no revision {OTHER_COMMIT}"),
        ({"id": "no such name"}, "no model no such name"),
    ],
    ids=["repository", "revision", "name"],
)
def test_what_the_hub_lacks_is_named(
    child: Loader, pin: ModelPin, changes: dict[str, Any], message: str
) -> None:
    answer = child.model(changed(pin, **changes))
    assert answer["error"] == "ModelMissing"
    assert message in answer["message"]


def test_a_gated_model_is_named(hub: FakeHub, child: Loader, pin: ModelPin) -> None:
    hub.faults.gated.add(pin.id)
    answer = child.model(pin)
    assert "accepting its terms" in answer["message"]
    assert "HF_TOKEN" in answer["remedy"]


@pytest.mark.parametrize("status", [401, 403, 501])
def test_a_refusing_hub_is_named(hub: FakeHub, child: Loader, pin: ModelPin, status: int) -> None:
    hub.faults.status[pin.id] = status
    answer = child.model(pin)
    assert answer["error"] == "ModelMissing"
    assert str(status) in answer["message"] or "private" in answer["message"]


@pytest.mark.long
def test_models_of_the_true_architecture_embed_as_published(tmp_path: Path) -> None:
    with fake_hub(tmp_path / "hub") as hub:
        done = subprocess.run(
            [sys.executable, "-c", EMBED, str(tmp_path / "hub")],
            env=hub_environment(hub.url, tmp_path / "home"),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    gte, modernbert = map(json.loads, done.stdout.splitlines())
    assert (gte["class"], modernbert["class"]) == ("BertModel", "ModernBertModel")
    for answer in (gte, modernbert):
        assert answer["modules"] == ["Transformer", "Pooling", "Normalize"]
        assert answer["shape"] == [6, 32]
        assert answer["norms"] == pytest.approx(1, abs=1e-3)
        assert answer["same"]
        assert 1 < answer["tokens"] < 2
    assert not [request for request in hub.requests if "onnx" in request.path]
