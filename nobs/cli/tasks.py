"""`nobs tasks`."""

import click

from nobs.cli.options import catalog_option, json_option


@click.command(name="tasks")
@catalog_option
@json_option
def command(*, as_json: bool) -> None:
    """List the tasks and their workloads."""
    from nobs.render.catalog import tasks_json, tasks_text

    click.echo(tasks_json() if as_json else tasks_text(), nl=False)
