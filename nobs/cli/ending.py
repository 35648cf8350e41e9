"""The end of a run for programs: a line of JSON, and the termination message of Kubernetes."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nobs.errors import FailureClass, NobsError, StorageError, exit_code_of
from nobs.text import to_line

if TYPE_CHECKING:
    from nobs.cli.run import RunOptions
    from nobs.launch.run.ending import Finished

TERMINATION_LOG = "/dev/termination-log"
MAX_MESSAGE = 300
type End = Mapping[str, Any]


def describe_end(finished: "Finished") -> End:
    """Return the end of a run as plain values."""
    report = finished.report
    models = [model for task in report.tasks for model in task.models.values()]
    failures = [model.failure for model in models if model.failure]
    return {
        "run_id": report.run.id,
        "exit_code": finished.exit_code,
        "report": str(finished.report_file),
        "models": {
            "ok": sum(model.is_complete for model in models),
            "interrupted": sum(model.interrupted_after is not None for model in models),
            "failed": len(failures),
        },
        "scores": {task.workload.name: task.task_score for task in report.tasks},
        "error": to_line(failures[0].message, MAX_MESSAGE) if failures else None,
    }


def describe_error(error: BaseException) -> End:
    """Return the end of a run that an error or a stop signal prevented."""
    text = to_line(error, MAX_MESSAGE)
    match error:
        case NobsError() | click.ClickException():
            code = error.exit_code
        case OSError():
            code = StorageError.exit_code
        case _:
            code, text = exit_code_of([FailureClass.INTERRUPTED]), "interrupted"
    return {"run_id": None, "exit_code": code, "error": text}


def announce(end: End, options: "RunOptions") -> None:
    """Write the end as one line to stdout, where a node is named, and to the termination log."""
    line = json.dumps({"schema": "nobs.end/1", "node": options.node, **end})
    if options.is_announced:
        click.echo(line)
    log = Path(os.environ.get("NOBS_TERMINATION_LOG") or TERMINATION_LOG)
    # Kubernetes mounts the file; elsewhere there is none.
    with suppress(OSError):
        if log.is_file():
            log.write_text(f"{line}\n", encoding="utf-8")
