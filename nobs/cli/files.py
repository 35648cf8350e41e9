"""Named report files as commands take them."""

from collections.abc import Sequence
from pathlib import Path

import click

from nobs.cli.paths import UserPath
from nobs.errors import UsageError

files_argument = click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=UserPath()
)


def require_files(files: Sequence[Path]) -> None:
    """Refuse a name that is no file; what is in a file is judged later."""
    for file in files:
        if not file.exists() or file.is_dir():
            raise UsageError(f"There is no file {file}.", "Name reports that exist.")
