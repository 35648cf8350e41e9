"""`nobs models`."""

import click

from nobs.cli.options import catalog_option, json_option


@click.command(name="models")
@catalog_option
@json_option
def command(*, as_json: bool) -> None:
    """List the models of the catalogue."""
    from nobs.render.catalog import models_json, models_text

    click.echo(models_json() if as_json else models_text(), nl=False)
