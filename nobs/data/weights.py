"""Checks of a model directory: every module complete, with the contents that the hub listed."""

import json
import re
from pathlib import Path

from nobs.data.checks import digest_file
from nobs.data.layout import REQUIRED, TRANSFORMERS, WEIGHTED, Layout, layout_of, read_layout
from nobs.errors import ModelMissing
from nobs.schema.pins import ModelPin
from nobs.schema.result import WeightsEvidence

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PICKLED = ("pytorch_model*.bin", "adapter_model.bin")
"""Files that libraries load if the safetensors don't have the expected name."""
_OTHER_FORMATS = {
    "GGUF": ("*.gguf",), "ONNX": ("*.onnx",), "OpenVINO": ("openvino_model*.xml",),
    "pickled": ("*.bin", "*.pt", "*.pth", "*.ckpt"), "TensorFlow": ("*.h5",),
    "Flax": ("*.msgpack",),
}  # fmt: skip
_VOCABULARIES = ("tokenizer.json", "vocab*", "merges.txt", "*.model", "*.tiktoken", "tokenization*")
"""Files of a tokenizer; without any, transformers creates one with unknown tokens only."""
_BYTES = frozenset({"ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer"})
"""Tokenizers that need no vocabulary."""


def check_weights(
    directory: Path, pin: ModelPin, remedy: str, revision: str | None = None
) -> WeightsEvidence:
    """Hash the weights; ModelMissing if they are missing, truncated or not the pinned ones."""
    layout = layout_of(directory, pin.id, remedy)
    paths = _find_weights(directory, layout, pin, remedy)
    if missing := _find_missing(directory, layout):
        raise ModelMissing(f"{directory} has no {missing} of {pin.id}.", remedy)
    files = {path.relative_to(directory).as_posix(): digest_weights(path, remedy) for path in paths}
    if pin.weights_sha256 and files.get(str(pin.weights_file)) != pin.weights_sha256:
        raise ModelMissing(
            f"{directory / str(pin.weights_file)} has sha256 {files.get(str(pin.weights_file))}; "
            f"the pin has {pin.weights_sha256}.",
            remedy,
        )
    return WeightsEvidence(files=files, verified=bool(pin.weights_sha256), revision=revision)


def is_complete(directory: Path) -> bool:
    """Return whether nothing needs to be fetched: modules are listed and each has its files.

    Without modules.json an interrupted download looks like a repository that has none, for which
    sentence-transformers would choose a pooling.
    """
    try:
        layout = read_layout(directory)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    if layout.is_guessed or _find_missing(directory, layout):
        return False
    weights = _named_weights(directory, layout)
    return bool(weights) and all(map(is_whole, weights))


def _find_missing(directory: Path, layout: Layout) -> str | None:
    """Return the first missing file that the modules need."""
    return _missing_settings(directory, layout) or next(
        (
            (Path(module.folder) / "model.safetensors").as_posix()
            for module in layout.modules
            if module.is_own and module.name in WEIGHTED
            if not _weights_in(directory / module.folder)
        ),
        None,
    )


def _missing_settings(directory: Path, layout: Layout) -> str | None:
    for module in layout.modules:
        if not module.is_own:
            continue
        folder, required = directory / module.folder, REQUIRED.get(module.name)
        if required and not (folder / required).is_file():
            return (Path(module.folder) / required).as_posix()
        if module.name in TRANSFORMERS and not _has_tokenizer(folder):
            return "tokenizer (tokenizer.json, vocab.txt or the like)"
    return None


def _has_tokenizer(folder: Path) -> bool:
    if any(True for pattern in _VOCABULARIES for _ in folder.glob(pattern)):
        return True
    try:
        settings = json.loads((folder / "tokenizer_config.json").read_bytes())
        return settings["tokenizer_class"] in _BYTES
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _find_weights(directory: Path, layout: Layout, pin: ModelPin, remedy: str) -> list[Path]:
    paths = _named_weights(directory, layout)
    others = _other_formats(directory)
    if not paths and (others or not _missing_settings(directory, layout)):
        raise ModelMissing(
            f"{pin.id} has no safetensors weights in {directory}{others}; other formats are not "
            "measured, and pickles run code when loaded.",
            "Name a model or a revision that publishes safetensors.",
        )
    if pickled := _find_pickled(directory, layout):
        raise ModelMissing(
            f"The pickled weights {pickled} would be loaded instead of "
            "safetensors: they run code when loaded.",
            "Remove that file, or name a model that has safetensors instead.",
        )
    damaged = [path for path in paths if not is_whole(path)]
    if damaged:
        raise ModelMissing(f"The weights {damaged[0]} are missing, damaged or truncated.", remedy)
    return paths


def _other_formats(directory: Path) -> str:
    """Return a clause with an example of each other format found; empty if there is none."""
    names = []
    for kind, patterns in _OTHER_FORMATS.items():
        files = sorted(file for pattern in patterns for file in directory.rglob(pattern))
        names += [f"{kind} ({files[0].relative_to(directory).as_posix()})"] if files else []
    return f", only {', '.join(names)}" if names else ""


def _find_pickled(directory: Path, layout: Layout) -> Path | None:
    """Return pickled weights without safetensors of the same name, which would take precedence."""
    for folder in _folders(directory, layout):
        for path in sorted(path for pattern in _PICKLED for path in folder.glob(pattern)):
            kind = "adapter_model" if path.name.startswith("adapter") else "model"
            names = (f"{kind}.safetensors", f"{kind}.safetensors.index.json")
            if not any((path.parent / name).exists() for name in names):
                return path
    return None


def _named_weights(directory: Path, layout: Layout) -> list[Path]:
    """Return the weights in the folders of modules, and the shards that an index lists."""
    return sorted({path for folder in _folders(directory, layout) for path in _weights_in(folder)})


def _folders(directory: Path, layout: Layout) -> set[Path]:
    """Return the folders that modules read; the model's own code may read any below its own."""
    folders = {directory / module.folder for module in layout.modules}
    for module in layout.modules:
        if not module.is_own:
            below = (directory / module.folder).rglob("*.safetensors*")
            folders |= {path.parent for path in below}
    return folders


def _weights_in(folder: Path) -> set[Path]:
    found = set(folder.glob("*.safetensors"))
    for index in folder.glob("*.safetensors.index.json"):
        found |= _shards(index)
    return found


def _shards(index: Path) -> set[Path]:
    """Return the files that `index` names; the index itself if it can't be read."""
    try:
        names = {Path(name) for name in json.loads(index.read_bytes())["weight_map"].values()}
        if any(name.is_absolute() or ".." in name.parts for name in names):
            return {index}
        return {index.parent / name for name in names}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {index}


def is_whole(path: Path) -> bool:
    """Return whether the file's size is the one in its safetensors header."""
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


def digest_weights(path: Path, remedy: str) -> str:
    """Hash the file; the cache names a blob by the sha256 that the hub lists for it."""
    found = digest_file(path)
    promised = path.readlink().name if path.is_symlink() else ""
    if _SHA256.fullmatch(promised) and found != promised:
        raise ModelMissing(
            f"The weights {path} are damaged: sha256 is {found}, the hub lists {promised}.",
            remedy,
        )
    return found
