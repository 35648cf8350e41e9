"""`nobs validate`."""

from pathlib import Path

import click

from nobs.cli.files import files_argument, require_files
from nobs.cli.options import catalog_option, json_option


@click.command(name="validate")
@files_argument
@catalog_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, *, files: tuple[Path, ...], as_json: bool) -> None:
    """Say of each report whether it is closed, open or invalid, with every reason.

    Closed is the pinned workload unchanged; open says which fields differ. Invalid is a report
    whose digest doesn't fit, whose figures don't follow from its samples, or that contradicts
    itself or the catalogue; then the exit code is 1.
    """
    from nobs.render.validation import render_validations
    from nobs.report.validation import Ruling, validate_file

    require_files(files)
    found = [(str(file), validate_file(file)) for file in files]
    click.echo(render_validations(found, as_json=as_json), nl=False)
    ctx.exit(int(any(validation.ruling is Ruling.INVALID for _, validation in found)))
