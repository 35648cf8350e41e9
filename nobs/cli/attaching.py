"""Looking at runs that another terminal began."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nobs.cli.progress import Progress
from nobs.cli.session import print_result
from nobs.errors import EngineError
from nobs.launch.planning.plan import Plan
from nobs.launch.run.attach import attach, worker_runs
from nobs.launch.run.ending import is_finished
from nobs.launch.run.ownership import owner_lives
from nobs.log import parse_line, render_console
from nobs.settings import in_container
from nobs.storage.rundir import RunDir
from nobs.storage.store import find_run, follow_lines

if TYPE_CHECKING:
    from nobs.launch.engine.client import Engine


def attach_run(run_id: str, results: Path, *, as_json: bool, verbose: bool) -> int:
    """Watch a run, or take it over, to its end; print its report and return its exit code."""
    run_dir = find_run(results, run_id)
    spec = run_dir.read_spec()
    plan = Plan(spec=spec, results=results)
    with engine_of(run_dir) as engine, Progress(plan, verbose=verbose) as progress:
        finished = attach(run_dir, engine, progress.show)
    return print_result(finished, as_json=as_json)


def show_logs(run_id: str, results: Path, *, follow: bool, as_json: bool) -> None:
    """Print the events of a run, with `follow` until it has ended."""
    run_dir = find_run(results, run_id)
    with engine_of(run_dir) if follow else optional_engine(Path()) as engine:

        def is_over() -> bool:
            return not (follow and goes_on(run_dir, engine))

        for line in follow_lines(run_dir.events_file, is_over):
            event = parse_line(line)
            click.echo(line if as_json or event is None else render_console(event, color=False))


def goes_on(run_dir: RunDir, engine: "Engine | None") -> bool:
    """Tell whether more may come."""
    if is_finished(run_dir):
        return False
    return owner_lives(run_dir) or worker_runs(run_dir, run_dir.read_spec(), engine)


@contextmanager
def engine_of(run_dir: RunDir) -> "Iterator[Engine | None]":
    """Connect to the engine if the run is in a container; EngineError if none answers."""
    if run_dir.read_spec().image is None:
        yield None
        return
    from nobs.launch.engine.client import connect  # noqa: PLC0415 - native runs never load the SDK

    with connect() as engine:
        yield engine


@contextmanager
def optional_engine(results: Path) -> "Iterator[Engine | None]":
    """Connect to the engine where there is one and `results` holds any run."""
    if in_container() or not any(results.glob("runs/*/spec.json")):
        yield None
        return
    from nobs.launch.engine.client import connect  # noqa: PLC0415 - as above

    try:
        engine = connect()
    except EngineError:
        yield None
        return
    with engine:
        yield engine
