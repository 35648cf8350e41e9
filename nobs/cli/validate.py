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
    """Check whether reports are closed, open or invalid, with all reasons.

    closed: the pinned workload, unchanged; open: some fields differ; invalid: the digest is wrong,
    the figures do not follow from the samples, or the report contradicts itself or the catalogue.
    The exit code is 1 if any report is invalid.
    """
    from nobs.render.validation import render_validations
    from nobs.report.validation import Ruling, validate_file

    require_files(files)
    found = [(str(file), validate_file(file)) for file in files]
    click.echo(render_validations(found, as_json=as_json), nl=False)
    ctx.exit(int(any(validation.ruling is Ruling.INVALID for _, validation in found)))
