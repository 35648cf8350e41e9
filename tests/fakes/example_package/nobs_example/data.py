"""What `example` multiplies: rows made from their numbers, weights from a file of the package."""

import hashlib
import json
import random
from importlib.resources import files
from pathlib import Path

from nobs.data.found import Inputs, Model
from nobs.errors import DataError, ModelMissing
from nobs.schema.pins import DatasetPin, ModelPin
from nobs.schema.result import WeightsEvidence

from .records import MatricesEvidence

VALUES = 61
"""Whole numbers per row; a matrix repeats them."""
REMEDY = "Reinstall nobs-example."


def make_matrices(pin: DatasetPin, *, offline: bool = False, force: bool = False) -> Inputs:
    """Return the values of `pin.rows` matrices; DataError if they aren't the pinned ones.

    They are computed, so that there is nothing to fetch: `offline` and `force` change nothing.
    """
    del offline, force
    rows = tuple(_row(f"{pin.id} {number}") for number in range(pin.rows))
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    if pin.rows_sha256 and digest != pin.rows_sha256:
        raise DataError(f"{pin.id} has sha256 {digest}, pinned is {pin.rows_sha256}.", REMEDY)
    evidence = MatricesEvidence(
        rows=len(rows),
        rows_sha256=digest,
        rows_verified=bool(pin.rows_sha256),
        largest=max(abs(value) for row in rows for value in row),
    )
    return Inputs(rows=rows, evidence=evidence)


def _row(seed: str) -> tuple[int, ...]:
    chosen = random.Random(seed)
    return tuple(chosen.randint(-3, 3) for _ in range(VALUES))


def find_weights(pin: ModelPin, *, offline: bool = False, force: bool = False) -> Model:
    """Return the package's directory; ModelMissing if its file isn't the pinned one."""
    del offline, force
    path = Path(str(files("nobs_example")))
    name = str(pin.weights_file)
    try:
        digest = hashlib.sha256(path.joinpath(name).read_bytes()).hexdigest()
    except OSError as error:
        raise ModelMissing(f"{pin.id} can't be read: {error}.", REMEDY) from error
    if pin.weights_sha256 and digest != pin.weights_sha256:
        raise ModelMissing(
            f"{name} of {pin.id} has sha256 {digest}, pinned is {pin.weights_sha256}.", REMEDY
        )
    evidence = WeightsEvidence(files={name: digest}, verified=bool(pin.weights_sha256))
    return Model(path=path, weights=evidence)
