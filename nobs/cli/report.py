"""`nobs report`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nobs.cli.paths import UserPath
from nobs.cli.terminal import COLUMNS, columns, wants_color
from nobs.errors import NobsError, StorageError
from nobs.render import FORMATS

if TYPE_CHECKING:
    from nobs.report.leaderboard import Leaderboard, Sheet, Skipped


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
    from nobs.report.leaderboard import arrange
    from nobs.storage.store import find_reports

    found = files or find_reports(results)
    sheets, skipped = _read_sheets(found)
    text = _render(found, arrange(sheets, skipped), form, output)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)
    ctx.exit(int(bool(skipped)))


def _write(output: Path, text: str) -> None:
    """Write a file as a whole; what is no file, as /dev/stdout, is written to, never replaced."""
    from nobs.storage.files import write_atomic

    remedy = "Name a file in a directory that is there and has room."
    try:
        if output.exists() and not output.is_file():
            output.write_text(text, encoding="utf-8")
        else:
            write_atomic(output, text)
    except OSError as error:
        raise StorageError(f"Can't write {output}: {error.strerror}.", remedy) from error
    except StorageError as error:
        raise StorageError(error.message, remedy) from error


def _read_sheets(files: Iterable[Path]) -> "tuple[list[Sheet], list[Skipped]]":
    """Return the reports that can be read, flat; the error of the first where none can."""
    from nobs.report.leaderboard import Skipped, flatten
    from nobs.storage.reader import read_report
    from nobs.text import to_line

    sheets, skipped, errors = [], [], []
    for file in files:
        try:
            sheets.append(flatten(file.name, read_report(file)))
        except NobsError as error:
            errors.append(error)
            skipped.append(Skipped(file=file.name, reason=str(error)))
    if errors and not sheets:
        raise errors[0]
    for each in skipped:
        click.echo(f"nobs: skipped: {to_line(each.reason, 1000)}", err=True)
    return sheets, skipped


def _render(files: Sequence[Path], board: "Leaderboard", form: str, output: Path | None) -> str:
    """Return the text; a report that stands alone is shown whole."""
    from nobs.render.summary import render_summary
    from nobs.render.table import render_table
    from nobs.storage.reader import read_report

    if form != "table":
        return FORMATS.load(form)(board)
    width, color = (columns(), wants_color()) if output is None else (COLUMNS, False)
    if len(files) == 1:
        summary = render_summary(read_report(files[0]), width=width, color=color)
        return f"{summary}report     {files[0]}\n"
    return render_table(board, width=width, color=color)
