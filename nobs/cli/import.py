"""`nobs import`."""  # noqa: N999 - named after its command

from pathlib import Path

import click

from nobs.cli.files import files_argument, require_files
from nobs.cli.options import json_option
from nobs.cli.paths import UserPath


@click.command(name="import")
@files_argument
@click.option(
    "--output", "-o", type=UserPath(file_okay=False),
    help="Directory of the new reports; default: beside each FILE.",
)  # fmt: skip
@json_option
@click.pass_context
def command(
    ctx: click.Context, /, *, files: tuple[Path, ...], output: Path | None, as_json: bool
) -> None:
    """Make reports of this version from older ones, of the first NOBS and of its successor.

    What they don't tell is absent. Scores are recomputed by today's formula; both are shown. An
    imported result is `legacy`, never closed. A file that is no older report is named and left
    out; the exit code is 1 then.
    """
    from nobs.cli.importing import import_files

    require_files(files)
    ctx.exit(import_files(files, output, as_json=as_json))
