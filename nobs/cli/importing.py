"""Import of older reports, file by file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from nobs.errors import NobsError
from nobs.report.legacy.importer import import_report, write_import
from nobs.schema.report import Report
from nobs.text import to_line


def import_files(files: Sequence[Path], output: Path | None, *, as_json: bool) -> int:
    """Import each file, print what became of it, and return the exit code."""
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
    return int(len(done) < len(files))


def _scores(report: Report) -> list[dict[str, Any]]:
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
    """Return where the report is, and of each task the new and the published score."""
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
