"""The pictures of a workload, whatever their source."""

from pathlib import Path

from nobs.data.found import Inputs
from nobs.errors import DataError, RequirementError
from nobs.schema.pins import DatasetPin, Source
from nobs.tasks.vlms.own_pictures import own_picture, read_images
from nobs.tasks.vlms.pictures import evidence_of, load_pictures


def load_images(pin: DatasetPin, *, offline: bool = False, force: bool = False) -> Inputs:
    """Return the pinned pictures; DataError if they are not the pinned ones.

    Pictures of the hub are fetched unless `offline`; `force` ignores those that are kept.
    """
    match pin.source:
        case Source.HUB:
            return _load_hub_pictures(pin, offline=offline, force=force)
        case Source.PACKAGE:
            return load_pictures(pin)
        case Source.PATH:
            images = read_images(Path(pin.id), pin.rows)
            if len(images) < pin.rows:
                raise DataError(
                    f"Only {len(images)} of {pin.rows} files in {pin.id} are images.",
                    "Move the other files to another folder.",
                )
            pictures = tuple(own_picture(*each) for each in images)
            return Inputs(rows=pictures, evidence=evidence_of(pictures, pin))
    raise DataError(
        f"Pictures can't be read from {pin.id}: the source {pin.source} isn't supported.",
        "Use packaged pictures, or a folder with --pictures DIR.",
    )


def _load_hub_pictures(pin: DatasetPin, *, offline: bool, force: bool) -> Inputs:
    try:
        from nobs.tasks.vlms.hub_pictures import load_hub_pictures  # noqa: PLC0415 - `datasets`
    except ModuleNotFoundError as error:
        raise RequirementError(
            f"Reading {pin.id} needs the package {error.name}, which isn't installed.",
            'Install it with `pip install "nobs[bench]"`, or run in a container.',
        ) from error
    return load_hub_pictures(pin, offline=offline, force=force)
