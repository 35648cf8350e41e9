"""Which pins are in the hub's cache, found by its layout without the hub's client."""

import re
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

from nobs.schema.pins import DatasetPin, ModelPin, Source, Workload
from nobs.storage.files import sha256_of

type IsComplete = Callable[[Path], bool]
"""Tells whether a directory has all files of a model, of whatever kind the tasks know."""


def is_commit(revision: str | None) -> bool:
    """Return whether a revision is final: a branch or a tag may move."""
    return re.fullmatch(r"[0-9a-f]{40}", revision or "") is not None


def find_model(pin: ModelPin, cache: Path, is_complete: IsComplete) -> Path | None:
    """Return the directory of complete weights, None if they must be fetched."""
    snapshot = _snapshot(cache, "models", pin)
    return snapshot if snapshot and is_complete(snapshot) else None


def find_file(pin: DatasetPin, cache: Path) -> Path | None:
    """Return the one file of a pinned data set, None if it must be fetched."""
    snapshot = _snapshot(cache, "datasets", pin)
    file = snapshot / pin.file if snapshot and pin.file else None
    return file if file and file.is_file() else None


def kept_rows(pin: DatasetPin, home: Path) -> Path:
    """Return the file that keeps the rows of a data set read through the `datasets` library."""
    return home / "nobs" / f"{sha256_of(pin.model_dump(mode='json'))}.jsonl"


def pins_of(workloads: Iterable[Workload]) -> list[DatasetPin | ModelPin]:
    """Return each pin of the workloads once, without models that no file holds."""
    pins: dict[str, DatasetPin | ModelPin] = {}
    for workload in workloads:
        pins[workload.dataset.id] = workload.dataset
        fileless = (Source.SERVER, Source.RANDOM)
        own = (model for model in workload.models if model.source not in fileless)
        pins |= {model.id: model for model in own}
    return list(pins.values())


def own_paths(workloads: Iterable[Workload]) -> list[Path]:
    """Return the user's own models and data, and the directories that their links point to.

    A snapshot of the hub's cache, named as a directory, consists of links to blobs next to it.
    Paths that don't exist here may exist in the container.
    """
    paths = (Path(pin.id) for pin in pins_of(workloads) if pin.source is Source.PATH)
    own = [path for path in paths if path.exists()]
    linked = (
        file.resolve().parent
        for path in own
        for file in (*path.glob("*"), *path.glob("*/*"))
        if file.is_symlink() and not file.resolve().is_relative_to(path)
    )
    return list(dict.fromkeys((*own, *linked)))


def missing_pins(
    pins: Iterable[DatasetPin | ModelPin], cache: Path, is_complete: IsComplete
) -> list[str]:
    """Return the ids of pins that a run would have to fetch or can't load."""
    return [pin.id for pin in pins if not _is_here(pin, cache, is_complete)]


def unfetched(workloads: Iterable[Workload], cache: Path, is_complete: IsComplete) -> list[str]:
    """Return the ids that need the hub: not cached, or not pinned to a commit."""
    return [
        pin.id
        for pin in pins_of(workloads)
        if pin.source is Source.HUB
        and not (is_commit(pin.revision) and _is_here(pin, cache, is_complete))
    ]


def _is_here(pin: DatasetPin | ModelPin, cache: Path, is_complete: IsComplete) -> bool:
    if pin.source is Source.PATH:
        return Path(pin.id).exists()
    if isinstance(pin, ModelPin):
        return _is_packaged(pin) or find_model(pin, cache, is_complete) is not None
    # The cache is a folder of HF_HOME, unless the user moved it.
    is_kept = kept_rows(pin, cache.parent).is_file()
    return pin.source is Source.PACKAGE or is_kept or find_file(pin, cache) is not None


def _is_packaged(pin: ModelPin) -> bool:
    module = str(pin.package).partition(":")[0]
    return pin.source is Source.PACKAGE and find_spec(module) is not None


def _snapshot(cache: Path, kind: str, pin: DatasetPin | ModelPin) -> Path | None:
    repository = cache / f"{kind}--{pin.id.replace('/', '--')}"
    reference = repository / "refs" / (pin.revision or "main")
    commit = reference.read_text().strip() if reference.is_file() else pin.revision
    snapshot = repository / "snapshots" / commit if commit else None
    return snapshot if snapshot and snapshot.is_dir() else None
