"""`nobs rank`."""

from pathlib import Path

import click

from nobs.cli.options import price_options
from nobs.cli.paths import UserPath
from nobs.cli.terminal import columns, wants_color, wrap


@click.command(name="rank")
@click.argument("sources", nargs=-1, type=UserPath(), metavar="[FILE_OR_DIRECTORY]...")
@click.option("--by", type=click.Choice(["throughput", "energy", "money"]), default="throughput",
              show_default=True, help="Order of the machines; money needs prices.")  # fmt: skip
@click.option("--format", "-f", "form", type=click.Choice(["table", "csv", "json"]),
              default="table", show_default=True, help="Output format.")  # fmt: skip
@click.option("--json", "form", flag_value="json", help="Print JSON for programs.")
@click.option("--html", "page", type=UserPath(dir_okay=False), metavar="FILE",
              help="Also write the rankings to this page.")  # fmt: skip
@click.option(
    "--results", type=UserPath(), default=Path("results"), show_default=True,
    envvar="NOBS_RESULTS", show_envvar=True,
    help="Directory of the reports if nothing is named.",
)  # fmt: skip
@click.option("--price", "claims", multiple=True, metavar="MACHINE=PRICE",
              help="Price of a machine, as in `nobs report`: 2.49/h, 8000/3y. HOST=PRICE is that "
              "of all nodes HOST@NODE. Can be repeated.")  # fmt: skip
@price_options
@click.pass_context
def command(  # noqa: PLR0913 - one for each option
    ctx: click.Context,
    /,
    *,
    sources: tuple[Path, ...],
    by: str,
    form: str,
    page: Path | None,
    results: Path,
    claims: tuple[str, ...],
    price_file: Path | None,
    power_price: str | None,
) -> None:
    """Rank machines by throughput, energy or money, in groups without significant differences.

    Reads every report of the given files and results directories, including those in `runs`.
    Several reports of one node (`nobs run --node`) are runs of one machine and show its run-to-run
    variance. A machine that differs from others of the same model is named, with the warnings that
    may explain it.
    """
    from nobs.cli.report import check_claims, read_prices, write_output
    from nobs.errors import UsageError
    from nobs.render.ranking import FORMATS, ranking_text
    from nobs.report.machines import names_of
    from nobs.report.rank import By, rank
    from nobs.report.rank_sums import rank_sums
    from nobs.report.reports import read_reports
    from nobs.report.several import describe_prices

    prices = read_prices(claims, price_file, power_price)
    if By(by) is By.MONEY and not prices:
        raise UsageError("--by money needs prices.", "Add --price HOST=2.49/h, for example.")
    reports, skipped = read_reports(sources or (results,))
    for reason in skipped:
        click.echo(f"nobs: skipped: {reason}", err=True)
    if claims:
        check_claims(claims, names_of(reports))
    rankings = [
        *rank(reports, by=By(by), prices=prices),
        *rank_sums(reports, by=By(by), prices=prices),
    ]
    for note in describe_prices(reports, prices):
        click.echo(wrap(f"nobs: {note.text}"), err=True)
    if not rankings:
        raise UsageError(
            f"No report has anything to rank by {by}.", "Measure machines with `nobs run`."
        )
    text = (
        ranking_text(rankings, width=columns(), color=wants_color())
        if form == "table"
        else FORMATS[form](rankings)
    )
    click.echo(text, nl=False)
    if page is not None:
        from nobs.render.ranking_page import render_ranking_page

        write_output(page, render_ranking_page(rankings))
    ctx.exit(int(bool(skipped)))
