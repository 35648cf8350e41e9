"""`nobs clean`."""

from datetime import timedelta
from pathlib import Path

import click

from nobs.cli.options import results_option
from nobs.errors import NobsError


@click.command(name="clean")
@click.option("--runs", "days", type=click.FloatRange(0), metavar="DAYS",
              help="Also remove directories of finished runs older than this.")  # fmt: skip
@results_option
def command(*, days: float | None, results: Path) -> None:
    """Remove leftovers of runs whose launcher died, and images that newer ones have replaced.

    Only containers and images labelled with this user and machine are removed. Published reports
    are kept.
    """
    from nobs.launch.executor.choice import all_executors
    from nobs.launch.run.sweep import clean

    def warn(error: NobsError) -> None:
        click.echo(f"containers and images skipped: {error.message}", err=True)

    older_than = None if days is None else timedelta(days=days)
    with all_executors(warn) as executors:
        for removed in clean(results, executors, older_than):
            click.echo(f"removed {removed}")
