"""Directories of models without weights, from the architectures of the catalogue."""

import json
import shutil
from importlib.resources import as_file, files
from pathlib import Path

from nobs.data.found import Model
from nobs.errors import ModelMissing
from nobs.schema.pins import Architecture, ModelPin
from nobs.schema.result import RandomEvidence, WeightsEvidence
from nobs.storage.files import sha256_of

_TOKENIZERS = files("nobs.data").joinpath("tokenizers")


def architecture_of(pin: ModelPin) -> Architecture:
    """Return the architecture of a model with random weights; ModelMissing if there is none."""
    architecture = pin.random.architecture if pin.random else None
    if architecture is None:
        raise ModelMissing(
            f"The catalogue doesn't describe the architecture of {pin.id}, so it can't be built "
            "with random weights.",
            "Choose a described model (`nobs models` marks them), or describe it in a --catalog "
            "file; see docs/how-to/measure-without-downloads.md.",
        )
    return architecture


def random_model(pin: ModelPin) -> Model:
    """Return the evidence of random weights; the bench builds them, in no directory yet."""
    evidence = WeightsEvidence(files={}, verified=False, random=describe_random(pin))
    return Model(path=Path(), weights=evidence)


def describe_random(pin: ModelPin) -> RandomEvidence:
    """Return which weights a model with random ones has; ModelMissing without an architecture."""
    architecture, seed = architecture_of(pin), pin.random.seed if pin.random else 0
    name, own = architecture.tokenizer, architecture.stand_in_for
    return RandomEvidence(
        seed=seed,
        architecture_sha256=sha256_of(architecture.model_dump(mode="json")),
        tokenizer=f"{name} as a stand-in for {own}" if own else f"{name}, the model's own",
    )


def write_settings(architecture: Architecture, directory: Path) -> None:
    """Write the settings files of a model's directory."""
    for name, content in architecture.files.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content), encoding="utf-8")


def write_tokenizer(architecture: Architecture, directory: Path) -> None:
    """Copy the files of the tokenizer; ModelMissing if NOBS doesn't have it."""
    source = _TOKENIZERS.joinpath(architecture.tokenizer)
    if architecture.tokenizer not in tokenizers():
        raise ModelMissing(
            f"NOBS has no tokenizer {architecture.tokenizer!r}.",
            f"Name one of these in the catalogue: {', '.join(tokenizers())}.",
        )
    with as_file(source) as folder:
        shutil.copytree(folder, directory, dirs_exist_ok=True, copy_function=shutil.copyfile)


def tokenizers() -> tuple[str, ...]:
    """Return the names of the tokenizers that come with NOBS."""
    return tuple(sorted(each.name for each in _TOKENIZERS.iterdir() if each.is_dir()))
