"""Checks of a model directory: whole safetensors, with the contents that the hub promised."""

import json
import re
from pathlib import Path

from nobs.data.checks import digest_file
from nobs.errors import ModelMissing
from nobs.schema.pins import ModelPin
from nobs.schema.result import WeightsEvidence

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PICKLED = ("pytorch_model*.bin", "adapter_model.bin")
"""Names that libraries look for where the safetensors have not the name that they expect."""


def check_weights(
    directory: Path, pin: ModelPin, remedy: str, revision: str | None = None
) -> WeightsEvidence:
    """Hash the weights; ModelMissing if they are absent, cut short or not the pinned ones."""
    if not (directory / "config.json").is_file():
        raise ModelMissing(f"There is no config.json of {pin.id} in {directory}.", remedy)
    paths = _find_weights(directory, pin, remedy)
    files = {path.relative_to(directory).as_posix(): _digest(path, remedy) for path in paths}
    if pin.weights_sha256 and files.get(str(pin.weights_file)) != pin.weights_sha256:
        raise ModelMissing(
            f"{directory / str(pin.weights_file)} has sha256 {files.get(str(pin.weights_file))}, "
            f"pinned is {pin.weights_sha256}.",
            remedy,
        )
    return WeightsEvidence(files=files, verified=bool(pin.weights_sha256), revision=revision)


def is_complete(directory: Path) -> bool:
    """Tell whether nothing needs to be fetched: the modules are listed and no weights cut short.

    Without modules.json sentence-transformers would silently put a pooling of its own in place.
    """
    known = all((directory / name).is_file() for name in ("modules.json", "config.json"))
    weights = _named_weights(directory)
    return known and bool(weights) and all(map(_is_whole, weights))


def _find_weights(directory: Path, pin: ModelPin, remedy: str) -> list[Path]:
    paths = _named_weights(directory)
    if not paths:
        raise ModelMissing(
            f"{pin.id} has no safetensors weights in {directory}; other formats run code when "
            "loaded and are not fetched.",
            "Name a model or a revision that publishes safetensors.",
        )
    if pickled := _find_pickled(directory):
        raise ModelMissing(
            f"The weights {pickled} would be loaded in place of safetensors; they run code when "
            "loaded.",
            "Remove that file, or name a model that has safetensors instead.",
        )
    damaged = [path for path in paths if not _is_whole(path)]
    if damaged:
        raise ModelMissing(f"The weights {damaged[0]} are missing, damaged or cut short.", remedy)
    return paths


def _find_pickled(directory: Path) -> Path | None:
    """Return weights that no safetensors of the same name, whole or in shards, stand before."""
    for path in sorted(path for pattern in _PICKLED for path in directory.rglob(pattern)):
        kind = "adapter_model" if path.name.startswith("adapter") else "model"
        names = (f"{kind}.safetensors", f"{kind}.safetensors.index.json")
        if not any((path.parent / name).exists() for name in names):
            return path
    return None


def _named_weights(directory: Path) -> list[Path]:
    """Return the weights that are there and the shards that an index says should be."""
    found = set(directory.rglob("*.safetensors"))
    for index in directory.rglob("*.safetensors.index.json"):
        found |= _shards(index)
    return sorted(found)


def _shards(index: Path) -> set[Path]:
    """Return the files that `index` names; an index that can't be read counts as damaged itself."""
    try:
        names = {Path(name) for name in json.loads(index.read_bytes())["weight_map"].values()}
        if any(name.is_absolute() or ".." in name.parts for name in names):
            return {index}
        return {index.parent / name for name in names}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {index}


def _is_whole(path: Path) -> bool:
    """Compare the file's size with the one that its safetensors header announces."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            size = path.stat().st_size
            header = json.loads(file.read(min(length, size)))
            tensors = (value for name, value in header.items() if name != "__metadata__")
            end: int = max(tensor["data_offsets"][1] for tensor in tensors)
            return size == 8 + length + end
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _digest(path: Path, remedy: str) -> str:
    """Hash the file; the cache names a blob by the sha256 that the hub announced for it."""
    found = digest_file(path)
    promised = path.readlink().name if path.is_symlink() else ""
    if _SHA256.fullmatch(promised) and found != promised:
        raise ModelMissing(
            f"The weights {path} are damaged: sha256 is {found}, the hub announced {promised}.",
            remedy,
        )
    return found
