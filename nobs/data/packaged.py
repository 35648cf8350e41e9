"""Texts that are part of NOBS."""

from importlib.resources import files
from pathlib import Path

from nobs.data.checks import check_file
from nobs.data.lines import read_values
from nobs.data.texts import Rows
from nobs.errors import DataError
from nobs.schema.pins import DatasetPin


def read(pin: DatasetPin, *, offline: bool, force: bool) -> Rows:
    """Read the packaged file of `pin`; DataError if it is missing or damaged."""
    path = Path(str(files("nobs.data.texts"))) / str(pin.file)
    remedy = "Install NOBS again."
    if not path.is_file():
        raise DataError(f"The packaged texts {path} are missing.", remedy)
    sha256 = check_file(path, pin, remedy)
    return Rows(rows=read_values(path, pin.rows), file_sha256=sha256)
