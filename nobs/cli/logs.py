"""`nobs logs`."""

from pathlib import Path

import click

from nobs.cli.options import json_option, results_option


@click.command(name="logs")
@click.argument("run_id", metavar="RUN")
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended.")
@results_option
@json_option
def command(*, run_id: str, follow: bool, results: Path, as_json: bool) -> None:
    """Show what a run has said: every event, from its first attempt on."""
    from nobs.cli.attaching import show_logs  # noqa: PLC0415 - --help must stay fast

    show_logs(run_id, results, follow=follow, as_json=as_json)
