"""`nobs ps`."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from nobs.cli.options import json_option, results_option


@click.command(name="ps")
@click.option("--all", "-a", "show_all", is_flag=True, help="Also show finished runs.")
@results_option
@json_option
def command(*, show_all: bool, results: Path, as_json: bool) -> None:
    """List running and unfinished runs.

    running: watched by its launcher; orphaned: running, but its launcher has died; abandoned:
    not running and never finished; elsewhere: of another machine, which can't be checked here. Use
    `nobs attach` for orphaned and abandoned runs, and `nobs run --resume RUN --take-over` where the
    other machine is dead.
    """
    from nobs.launch.executor.choice import all_executors
    from nobs.launch.run.runs import RunPhase, list_runs
    from nobs.render.runs import render_runs

    with all_executors() as executors:
        runs = [
            run
            for run in list_runs(results, executors)
            if show_all or run.phase != RunPhase.FINISHED
        ]
    rows = [{**asdict(run), "created": f"{run.created:%Y-%m-%dT%H:%M:%SZ}"} for run in runs]
    click.echo(json.dumps(rows, indent=2) if as_json else render_runs(rows), nl=as_json)
