"""`nobs import`."""  # noqa: N999 - named after its command

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nobs.cli.files import files_argument, require_files
from nobs.cli.options import json_option
from nobs.cli.paths import UserPath

if TYPE_CHECKING:
    from nobs.schema.report import Report


@click.command(name="import")
@files_argument
@click.option(
    "--output", "-o", type=UserPath(file_okay=False),
    help="Directory for the new reports; default: that of each FILE.",
)  # fmt: skip
@json_option
@click.pass_context
def command(
    ctx: click.Context, /, *, files: tuple[Path, ...], output: Path | None, as_json: bool
) -> None:
    """Convert reports of the first NOBS and of its successor to the current format.

    Fields that they do not contain stay empty. Scores are recomputed with the current formula, and
    both are shown. Imported results are `legacy`, never closed. Files that are no older reports
    are listed and skipped; the exit code is 1 then.
    """
    from nobs.errors import NobsError
    from nobs.report.legacy.importer import import_report, write_import

    require_files(files)
    done: list[dict[str, Any]] = []
    for file in files:
        try:
            report = import_report(file)
            target = write_import(report, output or file.parent)
        except NobsError as error:
            click.echo(f"nobs: {error}", err=True)
            continue
        done.append({"file": str(file), "report": str(target), "scores": _scores(report)})
    if as_json:
        click.echo(json.dumps(done, indent=2))
    else:
        for entry in done:
            click.echo("\n".join(_lines(entry)))
    ctx.exit(int(len(done) < len(files)))


def _scores(report: "Report") -> list[dict[str, Any]]:
    return [
        {
            "task": task.task,
            "models": list(task.models),
            "task_score": task.task_score,
            "published_score": task.published_score,
        }
        for task in report.tasks
    ]


def _lines(entry: dict[str, Any]) -> list[str]:
    from nobs.text import to_line

    return [
        f"{to_line(entry['file'], 1000)} -> {to_line(entry['report'], 1000)}",
        *(
            f"  {to_line(score['task'])}, {to_line(', '.join(score['models']))}: "
            f"score {_score(score['task_score'])}, published {_score(score['published_score'])}"
            for score in entry["scores"]
        ),
    ]


def _score(score: float | None) -> str:
    return "none" if score is None else f"{score:,.2f}"
