"""The directory of a text-to-image pipeline of diffusers: which files it needs, and their digests.

Reads the settings as JSON: nothing of the repository runs.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nobs.data.weights import digest_weights, is_whole
from nobs.errors import ModelMissing, OtherModel
from nobs.schema.pins import ModelPin
from nobs.schema.result import WeightsEvidence

INDEX = "model_index.json"
ENCODERS: Mapping[str, tuple[str, ...]] = {
    "StableDiffusionPipeline": ("",),
    "StableDiffusionXLPipeline": ("", "_2"),
}
"""Suffixes of the text encoders and tokenizers of each class that is measured."""
LIBRARIES = frozenset({"diffusers", "transformers"})
VARIANTS = (".fp16", "")
"""Names of weights contain one; the first complete one is used."""
_VOCABULARIES = (("tokenizer.json",), ("vocab.json", "merges.txt"))
"""Without either, a tokenizer knows no words and raises nothing."""
_OF_WORDS = ("vocab.json", "merges.txt", "tokenizer.json")
_PICKLES = (".bin", ".ckpt", ".pt", ".pth")
_ANOTHER = "Name a pipeline of diffusers with safetensors weights with --model."


def refuse_other_pipelines(directory: Path, name: str, remedy: str) -> None:
    """Raise OtherModel unless model_index.json names a known class and no code of its own."""
    _read_index(directory, name, remedy)


def is_complete_pipeline(directory: Path) -> bool:
    """Return whether all files of one variant are there and none is truncated."""
    try:
        index = _read_index(directory, "", "")
    except (ModelMissing, OtherModel):
        return False
    return any(
        not _find_missing(directory, index, variant)
        and all(is_whole(directory / name) for name in _weights(index["_class_name"], variant))
        for variant in VARIANTS
    )


def wanted_files(pin: ModelPin) -> list[str]:
    """Return the paths to fetch: one variant, no other format; of unpinned models `fp16`."""
    names: dict[str, None] = {}
    for kind in ENCODERS:
        names |= dict.fromkeys(sorted(_all_files(kind, _variants(pin)[0])))
    return list(names)


def check_names(names: Collection[str], pin: ModelPin) -> None:
    """Raise ModelMissing if a repository has no safetensors of the variant to fetch."""
    variant = _variants(pin)[0]
    if not any(set(_weights(kind, variant)) <= set(names) for kind in ENCODERS):
        missing = sorted(set(_weights("StableDiffusionPipeline", variant)) - set(names))[0]
        raise ModelMissing(
            f"{pin.id} at {pin.revision or 'main'} has no {missing}{_name_pickle(sorted(names))}.",
            "Name a model that publishes this file, or a directory with safetensors of full "
            "precision.",
        )


def variant_of(directory: Path, pin: ModelPin, remedy: str) -> str:
    """Return the variant whose files are complete, as in `fp16`; ModelMissing if none is."""
    index = _read_index(directory, pin.id, remedy)
    kind = index["_class_name"]
    present = {
        variant: sum((directory / name).is_file() for name in _weights(kind, variant))
        for variant in _variants(pin)
    }
    variant = max(present, key=lambda each: present[each])
    name = _find_missing(directory, index, variant)
    if name is None:
        return variant.removeprefix(".")
    folder = name.rpartition("/")[0]
    if folder and not (directory / folder).is_dir():
        raise ModelMissing(f"{pin.id} has no folder {folder} in {directory}.", remedy)
    found = sorted(p.relative_to(directory).as_posix() for p in directory.glob(f"{folder}/*"))
    only = _name_pickle(found) if name.endswith(".safetensors") else ""
    raise ModelMissing(f"{pin.id} has no {name} in {directory}{only}.", remedy)


def weights_of(directory: Path, variant: str) -> list[str]:
    """Return the paths of the weights of a variant below `directory`."""
    kind = _read_index(directory, str(directory), "")["_class_name"]
    return _weights(kind, f".{variant}" if variant else "")


def check_pipeline(
    directory: Path,
    pin: ModelPin,
    remedy: str,
    revision: str | None,
    digests: Mapping[str, str],
) -> WeightsEvidence:
    """Hash every file that is loaded; ModelMissing if one is missing, truncated or not pinned.

    `digests` are the known ones by path. Verified means that all weights and vocabularies have one.
    """
    variant = variant_of(directory, pin, remedy)
    index = _read_index(directory, pin.id, remedy)
    suffix = f".{variant}" if variant else ""
    weights = _weights(index["_class_name"], suffix)
    for name in weights:
        if not is_whole(directory / name):
            raise ModelMissing(f"The weights {directory / name} are damaged or truncated.", remedy)
    names = sorted(name for name in _all_files(index["_class_name"], suffix)
                   if (directory / name).is_file())  # fmt: skip
    files = {name: digest_weights(directory / name, remedy) for name in names}
    for name, pinned in digests.items():
        if name in files and files[name] != pinned:
            raise ModelMissing(
                f"{directory / name} has sha256 {files[name]}; the pin has {pinned}.", remedy
            )
    needed = [name for name in names if name in weights or name.endswith(_OF_WORDS)]
    return WeightsEvidence(
        files=files, verified=all(name in digests for name in needed), revision=revision
    )


def _read_index(directory: Path, name: str, remedy: str) -> dict[str, Any]:
    file = directory / INDEX
    if not file.is_file():
        raise OtherModel(f"{name} has no {INDEX}, so it isn't a pipeline of diffusers.", _ANOTHER)
    try:
        index = dict(json.loads(file.read_bytes()))
        kind = index["_class_name"]
        parts = {key: tuple(value) for key, value in index.items() if isinstance(value, list)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelMissing(
            f"{INDEX} of {name} can't be read: {type(error).__name__}: {error}.", remedy
        ) from error
    if not isinstance(kind, str) or kind not in ENCODERS:
        raise OtherModel(
            f"{name} is a {_describe(kind)}; NOBS measures {' and '.join(ENCODERS)}.", _ANOTHER
        )
    for key, value in parts.items():
        if value[:1] not in {(None,), *((library,) for library in LIBRARIES)}:
            raise OtherModel(
                f"{name} names code of its own for {key} ({_describe(list(value))}), which NOBS "
                "never runs.",
                _ANOTHER,
            )
    return index


def _describe(value: object) -> str:
    """Return a value of the file in a few printable characters."""
    return ascii(value)[:80].strip("'")


def _variants(pin: ModelPin) -> tuple[str, ...]:
    """Return the variants to look for: that of the pinned file, else any."""
    if pin.weights_file is None:
        return VARIANTS
    return (".fp16",) if ".fp16." in pin.weights_file else ("",)


def _name_pickle(names: Iterable[str]) -> str:
    """Return a clause with the first pickle among `names`, empty if there is none."""
    pickle = next((name for name in names if name.endswith(_PICKLES)), None)
    return f", only {pickle}: pickles run code when loaded" if pickle else ""


def _find_missing(directory: Path, index: Mapping[str, Any], variant: str) -> str | None:
    """Return the first file that a variant needs and that isn't there."""
    needed = [*_settings(index["_class_name"]), *_weights(index["_class_name"], variant)]
    missing = next((name for name in needed if not (directory / name).is_file()), None)
    return missing or next(
        (
            f"tokenizer{suffix}/vocab.json"
            for suffix in ENCODERS[index["_class_name"]]
            if not any(
                all((directory / f"tokenizer{suffix}" / name).is_file() for name in names)
                for names in _VOCABULARIES
            )
        ),
        None,
    )


def _weights(kind: str, variant: str) -> list[str]:
    encoders = (f"text_encoder{suffix}/model" for suffix in ENCODERS[kind])
    stems = (*encoders, *(f"{part}/diffusion_pytorch_model" for part in ("unet", "vae")))
    return [f"{stem}{variant}.safetensors" for stem in stems]


def _settings(kind: str) -> Iterator[str]:
    """Yield the settings without which nothing loads."""
    yield INDEX
    yield "scheduler/scheduler_config.json"
    yield from ("unet/config.json", "vae/config.json")
    for suffix in ENCODERS[kind]:
        yield f"text_encoder{suffix}/config.json"
        yield f"tokenizer{suffix}/tokenizer_config.json"


def _all_files(kind: str, variant: str) -> set[str]:
    """Return every file that is loaded if it exists."""
    names = ("vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer.json")
    tokens = {f"tokenizer{suffix}/{name}" for suffix in ENCODERS[kind] for name in names}
    return {*_settings(kind), *_weights(kind, variant), *tokens}
