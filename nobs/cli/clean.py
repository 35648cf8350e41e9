"""`nobs clean`."""

from pathlib import Path

import click

from nobs.cli.options import results_option


@click.command(name="clean")
@click.option("--runs", "days", type=click.FloatRange(0), metavar="DAYS",
              help="Remove the directories of finished runs as well that are older.")  # fmt: skip
@results_option
def command(*, days: float | None, results: Path) -> None:
    """Remove what launchers that died have left, and images that newer ones have replaced.

    Only what carries this user's and this machine's label is touched. Reports always stay.
    """
    from nobs.cli.cleaning import clean  # noqa: PLC0415 - --help must stay fast

    for removed in clean(results, days):
        click.echo(f"removed {removed}")
