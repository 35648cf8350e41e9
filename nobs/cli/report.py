"""`nobs report`."""

from pathlib import Path

import click

from nobs.cli.paths import UserPath
from nobs.render import FORMATS


@click.command(name="report")
@click.argument("files", nargs=-1, type=UserPath())
@click.option(
    "--format", "-f", "form", type=click.Choice(FORMATS.names()), default="table",
    show_default=True, help="How to show them.",
)  # fmt: skip
@click.option("--json", "form", flag_value="json", help="Print JSON for programs.")
@click.option(
    "--output", "-o", type=UserPath(dir_okay=False),
    help="Write to this file instead of stdout.",
)  # fmt: skip
@click.option(
    "--results", type=UserPath(), default=Path("results"), show_default=True,
    envvar="NOBS_RESULTS", show_envvar=True, help="Directory of reports, where no FILE is named.",
)  # fmt: skip
@click.pass_context
def command(
    ctx: click.Context, /, *, files: tuple[Path, ...], form: str, output: Path | None, results: Path
) -> None:
    """Show reports side by side: the named ones, else the last of each host.

    Closed, open and legacy results stand in tables of their own. A file that can't be read is
    named and left out; the exit code is 1 then.
    """
    from nobs.cli.reporting import show_reports

    ctx.exit(show_reports(files, results, form, output))
