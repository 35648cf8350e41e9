"""`nobs compare`."""

from pathlib import Path

import click

from nobs.cli.paths import UserPath
from nobs.cli.terminal import columns, wants_color, wrap


@click.command(name="compare")
@click.argument("baseline", type=UserPath())
@click.argument("others", nargs=-1, required=True, type=UserPath(), metavar="OTHER...")
@click.option(
    "--format", "-f", "form", type=click.Choice(["text", "markdown", "json"]), default="text",
    show_default=True, help="Output format.",
)  # fmt: skip
@click.option("--json", "form", flag_value="json", help="Print JSON for programs.")
@click.option("--fail-below", type=click.FloatRange(0, min_open=True), metavar="RATIO",
              help="Exit with 1 if a model is significantly slower with a ratio below this, or if "
              "the other report has no comparable result for it.")  # fmt: skip
@click.option("--force-open", is_flag=True,
              help="Also compare different work: other parameters, closed with open.")  # fmt: skip
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
    """Compare reports with BASELINE: ratios with 95% CIs, and other differences.

    Only results of the same workload are compared, closed with closed.
    """
    from nobs.errors import UsageError
    from nobs.render.comparison import FORMATS, comparison_text
    from nobs.report.compare import compare_reports
    from nobs.storage.reader import read_report

    first = read_report(baseline)
    comparisons = [
        compare_reports(
            first, read_report(other), names=(str(baseline), str(other)), force_open=force_open
        )
        for other in others
    ]
    if not any(comparison.lines for comparison in comparisons):
        refusals = (refusal for comparison in comparisons for refusal in comparison.refusals)
        reasons = "; ".join(dict.fromkeys(map(str, refusals)))
        raise UsageError(
            f"No results can be compared: {reasons or 'the baseline has no results'}.",
            "Compare runs of the same workload, or add --force-open.",
        )
    if form == "text":
        click.echo(comparison_text(comparisons, width=columns(), color=wants_color()), nl=False)
    else:
        click.echo(FORMATS[form](comparisons), nl=False)
    if fail_below is None:
        return
    for each in comparisons:
        for model in each.undecided():
            message = f"nobs: --fail-below not applied to {model}: too few repeats"
            click.echo(wrap(message), err=True)
    ctx.exit(int(any(each.is_below(fail_below) for each in comparisons)))
