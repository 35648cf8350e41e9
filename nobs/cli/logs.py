"""`nobs logs`."""

from contextlib import closing, nullcontext
from pathlib import Path

import click

from nobs.cli.options import json_option, results_option


@click.command(name="logs")
@click.argument("run_id", metavar="RUN")
@click.option("--follow", "-f", is_flag=True, help="Follow new events until the run ends.")
@results_option
@json_option
def command(*, run_id: str, follow: bool, results: Path, as_json: bool) -> None:
    """Show all events of a run, including earlier attempts."""
    from nobs.launch.executor.choice import choose_executor
    from nobs.launch.run.ending import is_finished
    from nobs.launch.run.ownership import owner_lives
    from nobs.log import parse_line, render_console
    from nobs.storage.store import find_run, follow_lines

    run_dir = find_run(results, run_id)
    executor = choose_executor(run_dir.read_spec()) if follow else None

    def is_over() -> bool:
        if executor is None or is_finished(run_dir):
            return True
        return not (owner_lives(run_dir) or executor.is_running(run_dir))

    with closing(executor) if executor else nullcontext():
        for line in follow_lines(run_dir.events_file, is_over):
            event = parse_line(line)
            click.echo(line if as_json or event is None else render_console(event, color=False))
