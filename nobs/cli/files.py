"""Report files as arguments of commands."""

from collections.abc import Sequence
from pathlib import Path

import click

from nobs.cli.paths import UserPath
from nobs.errors import UsageError

files_argument = click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=UserPath()
)


def require_files(files: Sequence[Path]) -> None:
    """Raise UsageError for a name that is no file; the content is checked later."""
    for file in files:
        if not file.exists() or file.is_dir():
            raise UsageError(f"{file} is not a file.", "Give the path of a report.")
