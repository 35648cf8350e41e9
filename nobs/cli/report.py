"""`nobs report`."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nobs.cli.options import price_options
from nobs.cli.paths import UserPath
from nobs.cli.terminal import COLUMNS, columns, wants_color
from nobs.errors import NobsError, StorageError, UsageError
from nobs.render import FORMATS
from nobs.text import to_line

if TYPE_CHECKING:
    from nobs.report.leaderboard import Leaderboard
    from nobs.report.price import Prices


@click.command(name="report")
@click.argument("files", nargs=-1, type=UserPath())
@click.option(
    "--format", "-f", "form", type=click.Choice(FORMATS.names()), default="table",
    show_default=True, help="Output format.",
)  # fmt: skip
@click.option("--json", "form", flag_value="json", help="Print JSON for programs.")
@click.option(
    "--output", "-o", type=UserPath(dir_okay=False),
    help="Write to this file instead of stdout.",
)  # fmt: skip
@click.option(
    "--results", type=UserPath(), default=Path("results"), show_default=True,
    envvar="NOBS_RESULTS", show_envvar=True, help="Directory of the reports if no FILE is given.",
)  # fmt: skip
@click.option("--all", "-a", "show_all", is_flag=True,
              help="Show every machine, not only this host and the best.")  # fmt: skip
@click.option(
    "--price",
    "claims",
    multiple=True,
    metavar="HOST=PRICE",
    help="Price of a machine, to add costs: 2.49/h (rent), 8000/3y (purchase, used for "
    "3 years), 8000/3y@40% (busy 40 % of the time). Can be repeated.",
)
@price_options
@click.pass_context
def command(  # noqa: PLR0913 - one for each option
    ctx: click.Context,
    /,
    *,
    files: tuple[Path, ...],
    form: str,
    output: Path | None,
    results: Path,
    show_all: bool,
    claims: tuple[str, ...],
    price_file: Path | None,
    power_price: str | None,
) -> None:
    """Show reports: the given FILEs, or this host against the best of each workload.

    Without FILE the last report of each host in the results directory is read; --all and every
    format but `table` show them all. Closed, open and legacy results have separate tables. Files
    that can't be read are listed and skipped; the exit code is 1 then.

    Prices add the cost of the work. They are claims: reports never contain them, and a new price
    needs no new run.
    """
    from nobs.render.costs import render_costs
    from nobs.render.summary import render_summary
    from nobs.render.table import render_table
    from nobs.storage.reader import read_report
    from nobs.storage.store import find_reports

    prices = read_prices(claims, price_file, power_price)
    found = files or find_reports(results)
    board = _read_board(found, prices)
    _check_used(claims, board)
    width, color = (columns(), wants_color()) if output is None else (COLUMNS, False)
    if form != "table":
        text = FORMATS.load(form)(board)
    elif len(found) == 1:
        summary = render_summary(read_report(found[0]), width=width, color=color)
        text = f"{summary}report     {found[0]}\n"
    elif files or show_all or prices:
        text = render_table(board, width=width, color=color)
    else:
        text = _render_overview(found, board, width=width, color=color)
    if form == "table" and prices:
        text += f"\n{render_costs(board, width=width, color=color)}"
    if output is None:
        click.echo(text, nl=False)
    else:
        write_output(output, text)
    ctx.exit(int(bool(board.skipped)))


def write_output(output: Path, text: str) -> None:
    """Replace a file as a whole; a device or pipe such as /dev/stdout is only written to."""
    from nobs.storage.files import write_atomic

    remedy = "Name a file in a directory that exists and has free space."
    try:
        if output.exists() and not output.is_file():
            output.write_text(text, encoding="utf-8")
        else:
            write_atomic(output, text)
    except OSError as error:
        raise StorageError(f"Can't write {output}: {error.strerror}.", remedy) from error
    except StorageError as error:
        raise StorageError(error.message, remedy) from error


def read_prices(claims: Iterable[str], file: Path | None, power_price: str | None) -> "Prices":
    """Return the claimed prices; --price wins over the file."""
    from nobs.report.price import Prices, parse_power_price, parse_prices
    from nobs.report.pricefile import read_prices

    machines = {**dict(read_prices(file) if file else ()), **dict(parse_prices(claims))}
    power = None if power_price is None else parse_power_price(power_price)
    return Prices(machines=machines, usd_per_kwh=power)


def _check_used(claims: Iterable[str], board: "Leaderboard") -> None:
    """Raise UsageError for a --price of a machine that is in no report."""
    rows = (row for table in board.tables for row in table.rows)
    named = {row.machine for row in rows} | {section.machine for section in board.hosts}
    check_claims(claims, named | {name.partition("@")[0] for name in named})


def check_claims(claims: Iterable[str], machines: Iterable[str]) -> None:
    """Raise UsageError for a --price of a machine that isn't one of these."""
    machines = sorted(machines)
    for claim in claims:
        name = claim.rpartition("=")[0].strip()
        if name not in machines:
            raise UsageError(
                f"--price: no report is of {to_line(name)}.",
                f"The machines are {to_line(', '.join(machines), 1000)}. Quote names that have"
                " blanks.",
            )


def _read_board(files: Iterable[Path], prices: "Prices") -> "Leaderboard":
    """Return the reports that can be read as tables; raise the first error if none can."""
    from nobs.report.devices import describe_devices
    from nobs.report.leaderboard import Skipped, arrange, flatten
    from nobs.report.several import describe_prices
    from nobs.storage.reader import read_report

    sheets, skipped, of_devices, errors = [], [], [], []
    for file in files:
        try:
            report = read_report(file)
            sheets.append(flatten(file.name, report, prices))
        except NobsError as error:
            errors.append(error)
            skipped.append(Skipped(file=file.name, reason=str(error)))
            continue
        of_devices += [report] if report.run.device else []
    if errors and not sheets:
        raise errors[0]
    for each in skipped:
        click.echo(f"nobs: skipped: {to_line(each.reason, 1000)}", err=True)
    board = arrange(sheets, skipped)
    return replace(
        board,
        devices=describe_devices(of_devices),
        price_notes=describe_prices(of_devices, prices),
    )


def _render_overview(
    files: Sequence[Path], board: "Leaderboard", *, width: int, color: bool
) -> str:
    from nobs.render.overview import render_overview
    from nobs.system.identity import host, identify
    from nobs.system.probe import LocalMachine

    machine = LocalMachine()
    node = os.environ.get("NOBS_NODE")
    name = to_line(host(machine, identify(machine)) + (f"@{node}" if node else ""))
    text = render_overview(board, name, width=width, color=color)
    own = {section.file for section in board.hosts if section.host == name}
    hints = [f"This host in full: nobs report {file}\n" for file in files if file.name in own]
    return text + "".join(hints)
