"""Texts of one file at one commit of the hub."""

import shlex
from pathlib import Path

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache

from nobs.data.checks import check_file, check_space
from nobs.data.hub import OFFLINE_REMEDY, check_reachable, hub_errors
from nobs.data.local import read_rows
from nobs.data.texts import Rows
from nobs.errors import DataError
from nobs.schema.pins import DatasetPin


def read(pin: DatasetPin, *, offline: bool, force: bool) -> Rows:
    """Read the pinned file from the cache, else from the hub; DataError if it differs."""
    path = None if force else _cached(pin)
    if path is None:
        path = _fetch(pin, offline=offline, force=force)
    remove = f"rm {shlex.quote(str(path.resolve()))}"
    sha256 = check_file(path, pin, f"Delete it ({remove}) or run `nobs prefetch --force`.")
    return Rows(rows=read_rows(path, pin), file_sha256=sha256)


def _cached(pin: DatasetPin) -> Path | None:
    with hub_errors(DataError, f"data set {pin.id}", pin.revision):
        found = try_to_load_from_cache(
            pin.id, str(pin.file), revision=pin.revision, repo_type="dataset"
        )
    return Path(found) if isinstance(found, str) else None


def _fetch(pin: DatasetPin, *, offline: bool, force: bool) -> Path:
    if offline:
        raise DataError(
            f"{pin.file} of {pin.id} at {pin.revision} is not in {constants.HF_HUB_CACHE}, "
            "and this run is offline.",
            OFFLINE_REMEDY,
        )
    check_space(Path(constants.HF_HUB_CACHE), pin.file_bytes or 0)
    with hub_errors(DataError, f"data set {pin.id}", pin.revision):
        check_reachable()
        path = hf_hub_download(
            pin.id,
            str(pin.file),
            revision=pin.revision,
            repo_type="dataset",
            force_download=force,
        )
    return Path(path)
