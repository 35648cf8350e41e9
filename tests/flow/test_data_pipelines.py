"""Pipelines through the real client, from a hub on loopback: the needed files and no others."""

from pathlib import Path

import pytest

from nobs.schema.pins import ModelPin
from tests.fakes.hub import FakeHub
from tests.fakes.loader import Loader, loader
from tests.fakes.pipelines import OTHER_FILES, STABLE, TURBO_FILES, XL, XL_FILES, write_pipeline

COMMIT = "b261bac6fd2cf515557d5d0707481eafa0485ec2"
UNET = "unet/diffusion_pytorch_model.fp16.safetensors"


def fetched(hub: FakeHub, name: str) -> set[str]:
    paths = (request.path for request in hub.requests_of(name) if request.sent_bytes)
    return {path.partition(f"/resolve/{COMMIT}/")[2] for path in paths} - {""}


@pytest.mark.parametrize("kind", [STABLE, pytest.param(XL, marks=pytest.mark.long)])
@pytest.mark.parametrize("weights_file", [UNET, pytest.param(None, marks=pytest.mark.long)])
def test_exactly_the_files_of_one_variant_are_fetched(
    hub: FakeHub, child: Loader, kind: str, weights_file: str | None
) -> None:
    files = {STABLE: TURBO_FILES, XL: XL_FILES}[kind]
    name = f"a/{kind}-{bool(weights_file)}"
    write_pipeline(hub.repo_dir("models", name, COMMIT), kind, *OTHER_FILES)
    pin = ModelPin(id=name, revision=COMMIT, weights_file=weights_file)

    found = child.pipeline(pin)

    assert fetched(hub, name) == {*files}
    assert {*found["weights"]["files"]} == {*files}
    count = len(hub.requests_of(name))
    assert child.pipeline(pin) == found == child.pipeline(pin, offline=True)
    assert len(hub.requests_of(name)) == count


def test_a_pipeline_of_the_cache_needs_no_hub(hub: FakeHub, child: Loader, home: Path) -> None:
    write_pipeline(hub.repo_dir("models", "a/cached", COMMIT))
    pin = ModelPin(id="a/cached", revision=COMMIT)
    found = child.pipeline(pin)

    with loader("http://127.0.0.1:9", home) as unreachable:
        assert unreachable.pipeline(pin) == found


def test_the_full_variant_is_fetched_where_the_pin_names_it(hub: FakeHub, child: Loader) -> None:
    write_pipeline(hub.repo_dir("models", "a/full", COMMIT), STABLE, *OTHER_FILES)
    pin = ModelPin(
        id="a/full", revision=COMMIT, weights_file="unet/diffusion_pytorch_model.safetensors"
    )

    assert not any(".fp16." in name for name in child.pipeline(pin)["weights"]["files"])


def test_an_interrupted_download_goes_on(hub: FakeHub, child: Loader) -> None:
    write_pipeline(hub.repo_dir("models", "a/part", COMMIT))
    pin = ModelPin(id="a/part", revision=COMMIT)
    found = child.pipeline(pin)
    (Path(found["path"]) / "tokenizer" / "vocab.json").unlink()

    assert child.pipeline(pin, offline=True)["error"] == "ModelMissing"
    assert child.pipeline(pin) == found


@pytest.mark.parametrize(
    ("lost", "other", "told"),
    [
        ("model_index.json", "README.md", "OtherModel: has no model_index.json"),
        (UNET, "unet/diffusion_pytorch_model.bin",
         f"ModelMissing: has no {UNET}, only unet/diffusion_pytorch_model.bin: pickles run code"),
        (UNET, "unet/diffusion_pytorch_model.safetensors", f"ModelMissing: has no {UNET}."),
        ("tokenizer/vocab.json", "README.md", "ModelMissing: has no tokenizer/vocab.json in"),
    ],
)  # fmt: skip
def test_a_repository_without_a_needed_file_is_refused_with_its_name(
    hub: FakeHub, child: Loader, lost: str, other: str, told: str
) -> None:
    name = f"a/without-{Path(lost).stem}-{Path(other).suffix[1:]}"
    directory = write_pipeline(hub.repo_dir("models", name, COMMIT), STABLE, other)
    (directory / lost).unlink()

    found = child.pipeline(ModelPin(id=name, revision=COMMIT))

    error, _, message = told.partition(": ")
    assert found["error"] == error
    assert message in found["message"]
    assert found["remedy"]
    assert fetched(hub, name) <= {*TURBO_FILES}
