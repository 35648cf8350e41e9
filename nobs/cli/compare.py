"""`nobs compare`."""

from pathlib import Path

import click

from nobs.cli.paths import UserPath


@click.command(name="compare")
@click.argument("baseline", type=UserPath())
@click.argument("others", nargs=-1, required=True, type=UserPath(), metavar="OTHER...")
@click.option(
    "--format", "-f", "form", type=click.Choice(["text", "markdown", "json"]), default="text",
    show_default=True, help="How to show it.",
)  # fmt: skip
@click.option("--json", "form", flag_value="json", help="Print JSON for programs.")
@click.option("--fail-below", type=click.FloatRange(0, min_open=True), metavar="RATIO",
              help="Exit with 1 if a model is surely slower and its ratio below this, or if the "
              "other report has nothing that it can be compared with.")  # fmt: skip
@click.option("--force-open", is_flag=True,
              help="Compare unlike work too: other parameters, closed with open.")  # fmt: skip
@click.pass_context
def command(  # noqa: PLR0913 - one for each option
    ctx: click.Context,
    /,
    *,
    baseline: Path,
    others: tuple[Path, ...],
    form: str,
    fail_below: float | None,
    force_open: bool,
) -> None:
    """Compare reports with BASELINE: ratios with their intervals, and what else differs.

    Only results of the same work are compared, closed with closed.
    """
    from nobs.cli.comparing import show_comparisons

    ctx.exit(show_comparisons(baseline, others, form, fail_below, force_open=force_open))
