"""Directories of text-to-image pipelines: what is needed, and what is refused before it loads."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nobs.data.hub_cache import find_model
from nobs.errors import ModelMissing, OtherModel
from nobs.schema.pins import ModelPin, Source
from nobs.tasks.definitions import is_complete_model
from nobs.tasks.diffusion.files import DIGESTS, open_pipeline
from nobs.tasks.diffusion.layout import is_complete_pipeline, variant_of, weights_of
from tests.fakes.pipelines import STABLE, TURBO_FILES, XL, XL_FILES, index_of, write_pipeline
from tests.fakes.weights import safetensors

FULL = tuple(name.replace(".fp16", "") for name in TURBO_FILES if name.endswith(".safetensors"))


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    return write_pipeline(tmp_path / "pipeline")


def pin_of(directory: Path, **changes: Any) -> ModelPin:
    return ModelPin(id=str(directory), source=Source.PATH, **changes)


def set_index(directory: Path, **changes: Any) -> None:
    index = index_of(STABLE) | changes
    (directory / "model_index.json").write_text(json.dumps(index))


def refusal(directory: Path, kind: type[ModelMissing | OtherModel]) -> str:
    with pytest.raises(kind) as caught:
        open_pipeline(pin_of(directory))
    assert caught.value.remedy
    return caught.value.message


@pytest.mark.parametrize(("kind", "names"), [(STABLE, TURBO_FILES), (XL, XL_FILES)])
def test_every_file_that_is_loaded_is_hashed(
    tmp_path: Path, kind: str, names: tuple[str, ...]
) -> None:
    found = open_pipeline(pin_of(write_pipeline(tmp_path, kind))).weights

    assert sorted(found.files) == sorted(names)
    assert len(names) == {STABLE: 12, XL: 18}[kind]
    assert not found.verified


def test_the_variant_of_the_pinned_file_is_the_one_that_is_loaded(pipeline: Path) -> None:
    for name in FULL:
        (pipeline / name).write_bytes(safetensors(b"full"))
    full = pin_of(pipeline, weights_file="unet/diffusion_pytorch_model.safetensors")

    assert variant_of(pipeline, full, "") == ""
    assert variant_of(pipeline, pin_of(pipeline), "") == "fp16"
    assert sorted(weights_of(pipeline, "")) == sorted(FULL)
    assert set(FULL) <= set(open_pipeline(full).weights.files)


@pytest.mark.parametrize("name", sorted(set(TURBO_FILES) - {"tokenizer/special_tokens_map.json"}))
def test_a_missing_file_is_named(pipeline: Path, name: str) -> None:
    (pipeline / name).unlink()

    kind = OtherModel if name == "model_index.json" else ModelMissing
    told = refusal(pipeline, kind)
    assert name in told or (name == "tokenizer/merges.txt" and "tokenizer/vocab.json" in told)
    assert not is_complete_pipeline(pipeline)


@pytest.mark.parametrize("folder", ["unet", "vae", "text_encoder", "scheduler", "tokenizer"])
def test_a_missing_folder_is_named(pipeline: Path, folder: str) -> None:
    shutil.rmtree(pipeline / folder)

    assert f"has no folder {folder} in" in refusal(pipeline, ModelMissing)


def test_a_tokenizer_of_one_file_is_enough(pipeline: Path) -> None:
    (pipeline / "tokenizer" / "vocab.json").unlink()
    (pipeline / "tokenizer" / "tokenizer.json").write_text("{}")

    assert "tokenizer/tokenizer.json" in open_pipeline(pin_of(pipeline)).weights.files


def test_pickles_alone_are_refused(pipeline: Path) -> None:
    weights = pipeline / "unet" / "diffusion_pytorch_model.fp16.safetensors"
    weights.rename(weights.with_suffix(".bin"))

    told = refusal(pipeline, ModelMissing)
    assert "only unet/diffusion_pytorch_model.fp16.bin: pickles run code when loaded" in told


def test_a_truncated_file_is_found(pipeline: Path) -> None:
    weights = pipeline / "vae" / "diffusion_pytorch_model.fp16.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])

    assert "vae/diffusion_pytorch_model.fp16.safetensors are damaged or truncated" in refusal(
        pipeline, ModelMissing
    )
    assert not is_complete_pipeline(pipeline)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"_class_name": ["pipeline", "Mine"]}, "NOBS measures StableDiffusionPipeline and"),
        ({"_class_name": "FluxPipeline"}, "is a FluxPipeline; NOBS measures"),
        ({"unet": ["my_unet", "MyUNet"]}, "names code of its own for unet"),
        ({"scheduler": ["os", "system"]}, "names code of its own for scheduler"),
        ({"vae": []}, "names code of its own for vae"),
        ({"_class_name": "\x1b[2Jx"}, r"is a \x1b[2Jx; NOBS"),
    ],
)
def test_a_pipeline_with_code_of_its_own_or_of_another_kind_is_refused(
    pipeline: Path, changes: dict[str, Any], told: str
) -> None:
    set_index(pipeline, **changes)

    assert told in refusal(pipeline, OtherModel)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"_class_name": 1}', b"\xff", b"null"])
def test_an_index_that_can_t_be_read_is_refused(pipeline: Path, content: bytes) -> None:
    (pipeline / "model_index.json").write_bytes(content)

    with pytest.raises((ModelMissing, OtherModel)):
        open_pipeline(pin_of(pipeline))
    assert not is_complete_pipeline(pipeline)


def test_a_pinned_digest_of_any_file_is_compared(
    pipeline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = open_pipeline(pin_of(pipeline)).weights.files
    monkeypatch.setitem(DIGESTS, str(pipeline), right)
    assert open_pipeline(pin_of(pipeline)).weights.verified

    (pipeline / "tokenizer" / "vocab.json").write_text("{}")
    assert f"the pin has {right['tokenizer/vocab.json']}" in refusal(pipeline, ModelMissing)


def test_weights_without_a_digest_are_not_verified(
    pipeline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = dict(open_pipeline(pin_of(pipeline)).weights.files)
    del right["vae/diffusion_pytorch_model.fp16.safetensors"]
    monkeypatch.setitem(DIGESTS, str(pipeline), right)

    assert not open_pipeline(pin_of(pipeline)).weights.verified


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize(("change", "here"), [(None, True), (Path.unlink, False), (cut, False)])
def test_the_cache_has_a_pipeline_only_with_all_its_files(
    tmp_path: Path, change: Callable[[Path], None] | None, here: bool
) -> None:
    commit = "b" * 40
    snapshot = write_pipeline(tmp_path / "models--a--b" / "snapshots" / commit)
    if change:
        change(snapshot / "text_encoder" / "model.fp16.safetensors")

    found = find_model(ModelPin(id="a/b", revision=commit), tmp_path, is_complete_model)
    assert found == (snapshot if here else None)
