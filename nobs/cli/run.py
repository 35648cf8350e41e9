"""`nobs run`."""

import contextlib
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nobs.cli.options import (
    RUN_OPTIONS,
    how_options,
    image_options,
    json_option,
    refuse_options,
    settings_of,
    task_options,
    tasks_option,
    where_options,
)
from nobs.cli.terminal import columns, wants_color
from nobs.tasks.definitions import options_of, owners_of
from nobs.text import join_words

if TYPE_CHECKING:
    from nobs.launch.executor.base import Executor
    from nobs.launch.planning.plan import Plan
    from nobs.launch.run.ending import Finished


class RunCommand(click.Command):
    """Groups the options by the tasks that take them."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the general options, then a section per set of tasks that share options."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for parameter in self.get_params(ctx):
            owners = owners_of(str(parameter.name))
            heading = f"Options of {join_words(owners)}" if owners else "Options"
            if record := parameter.get_help_record(ctx):
                sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


@click.command(
    name="run",
    cls=RunCommand,
    epilog="Environment variables can also set the options of tasks: NOBS_BATCH_SIZE sets "
    "--batch-size.",
)
@tasks_option
@where_options
@how_options
@task_options(*options_of().values())
@image_options
@click.option(
    "--resume",
    metavar="RUN_ID",
    help="Resume a run: execute its failed, interrupted or missing steps with the original "
    "settings.",
)
@click.option(
    "--detach",
    is_flag=True,
    help="Start the run in the background and return; see `nobs ps`, `nobs logs`, `nobs attach`.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan without running it.")
@click.option("--verbose", "-v", is_flag=True, help="Show all events.")
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@click.option("--yes", "-y", is_flag=True, help="Ask no questions.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    yes: bool,
    **params: Any,  # noqa: ANN401 - click's values
) -> None:
    """Run benchmarks on this machine and write a report.

    A changed parameter makes the result open: it is shown with the change and never ranked with
    closed results. An option that no selected task takes is an error.
    """
    options = RunOptions(**{name: params.pop(name) for name in RUN_OPTIONS})
    run_id = params.pop("resume")
    if run_id is None:
        ctx.exit(plan_or_run({**params, "settings": settings_of(ctx)}, options))
    refuse_options(ctx, {"resume", "results", "yes", *RUN_OPTIONS}, "--resume")
    ctx.exit(resume_run(run_id, params["results"], options))


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a run is executed and shown; independent of the measured work."""

    dry_run: bool = False
    detach: bool = False
    as_json: bool = False
    verbose: bool = False
    quiet: bool = False


def plan_or_run(params: Mapping[str, Any], options: RunOptions) -> int:
    """Print the plan, or run it and print the summary; return the exit code."""
    from nobs.catalog import load_catalog
    from nobs.cli.request import to_request
    from nobs.launch.container.secrets import secret_files
    from nobs.launch.executor.choice import choose_executor
    from nobs.launch.planning.facts import gather_facts
    from nobs.launch.planning.plan import make_plan

    request = to_request(params)
    facts = gather_facts(request)
    written = facts.engine is not None and not options.dry_run
    with closing(facts), secret_files(request.results, written=written) as secrets:
        plan = make_plan(request, load_catalog(), facts, secrets)
        return _carry_out(plan, choose_executor(plan.spec, facts.require_engine), options)


def resume_run(run_id: str, results: Path, options: RunOptions) -> int:
    """Execute the missing steps of a run, or print their plan; return the exit code."""
    from nobs.launch.container.secrets import secret_files
    from nobs.launch.executor.choice import choose_executor
    from nobs.launch.planning.facts import gather_facts
    from nobs.launch.run.resume import plan_resume, request_of
    from nobs.storage.store import find_run

    run_dir = find_run(results, run_id)
    spec = run_dir.read_spec()
    facts = gather_facts(request_of(spec, results))
    written = facts.engine is not None and not options.dry_run
    with closing(facts), secret_files(results, written=written) as secrets:
        executor = choose_executor(spec, facts.require_engine)
        plan = plan_resume(run_dir, results, facts, executor, secrets)
        return _carry_out(plan, executor, options, resumed=True)


def _carry_out(
    plan: "Plan", executor: "Executor", options: RunOptions, *, resumed: bool = False
) -> int:
    from nobs.cli.progress import Progress
    from nobs.launch.run.detached import start_detached
    from nobs.launch.run.launcher import launch, prepare, resume
    from nobs.storage.store import find_run

    if options.dry_run:
        return _print_plan(plan, as_json=options.as_json)
    with Progress(plan, verbose=options.verbose, quiet=options.quiet) as progress:
        if not options.detach:
            finished = (resume if resumed else launch)(plan, executor, progress.show)
        elif not resumed:
            prepare(plan, executor, progress.show)
    if not options.detach:
        return print_result(finished, as_json=options.as_json)
    # A launcher without a terminal takes over from here.
    run_id = plan.spec.run_id
    start_detached(find_run(plan.results, run_id), plan.results)
    click.echo(json.dumps({"run_id": run_id}) if options.as_json else run_id)
    click.echo(f"To follow the run: nobs attach {run_id}", err=True)
    return 0


def print_result(finished: "Finished", *, as_json: bool) -> int:
    """Print the result of a run; return its exit code."""
    from nobs.render.summary import render_summary
    from nobs.storage.files import to_json

    if as_json:
        click.echo(to_json(finished.report), nl=False)
        return finished.exit_code
    click.echo(render_summary(finished.report, width=columns(), color=wants_color()), nl=False)
    for name, path in (("report", finished.report_file), ("run", finished.run_dir.path)):
        with contextlib.suppress(ValueError):
            path = path.absolute().relative_to(Path.cwd())  # noqa: PLW2901 - shorter where it can be
        click.echo(f"{name:11}{path}")
    return finished.exit_code


def _print_plan(plan: "Plan", *, as_json: bool) -> int:
    from nobs.render.plan import render_plan

    plain = plan.to_dict()
    click.echo(json.dumps(plain, indent=2) if as_json else render_plan(plain).rstrip("\n"))
    return 0
