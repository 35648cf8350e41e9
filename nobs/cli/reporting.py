"""From report files to a leaderboard on stdout or in a file."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from nobs.cli.terminal import COLUMNS, columns, wants_color
from nobs.errors import NobsError, StorageError
from nobs.render import FORMATS
from nobs.render.summary import render_summary
from nobs.render.table import render_table
from nobs.report.leaderboard import Leaderboard, Sheet, Skipped, arrange, flatten
from nobs.storage.files import write_atomic
from nobs.storage.reader import read_report
from nobs.storage.store import find_reports
from nobs.text import to_line

_REMEDY = "Name a file in a directory that is there and has room."


def show_reports(files: Sequence[Path], results: Path, form: str, output: Path | None) -> int:
    """Show what can be read; return 1 if anything couldn't, 0 otherwise."""
    found = files or find_reports(results)
    sheets, skipped = read_sheets(found)
    text = _render(found, arrange(sheets, skipped), form, output)
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)
    return 1 if skipped else 0


def _write(output: Path, text: str) -> None:
    """Write a file as a whole; what is no file, as /dev/stdout, is written to, never replaced."""
    try:
        if output.exists() and not output.is_file():
            output.write_text(text, encoding="utf-8")
        else:
            write_atomic(output, text)
    except OSError as error:
        raise StorageError(f"Can't write {output}: {error.strerror}.", _REMEDY) from error
    except StorageError as error:
        raise StorageError(error.message, _REMEDY) from error


def read_sheets(files: Iterable[Path]) -> tuple[list[Sheet], list[Skipped]]:
    """Return the reports that can be read, flat; the error of the first where none can."""
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


def _render(files: Sequence[Path], board: Leaderboard, form: str, output: Path | None) -> str:
    """Return the text; a report that stands alone is shown whole."""
    if form != "table":
        return FORMATS.load(form)(board)
    width, color = (columns(), wants_color()) if output is None else (COLUMNS, False)
    if len(files) == 1:
        summary = render_summary(read_report(files[0]), width=width, color=color)
        return f"{summary}report     {files[0]}\n"
    return render_table(board, width=width, color=color)
