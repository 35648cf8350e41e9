"""`nobs run`."""

import contextlib
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nobs.cli.ending import announce, describe_end, describe_error
from nobs.cli.hosts import HOSTS_OPTIONS, WORDS, hosts_options, refuse_hosts
from nobs.cli.options import (
    RUN_OPTIONS,
    device_option,
    how_options,
    image_options,
    json_option,
    refuse_options,
    settings_of,
    task_options,
    tasks_option,
    together_option,
    where_options,
)
from nobs.cli.terminal import columns, wants_color
from nobs.errors import NobsError, UsageError
from nobs.tasks.definitions import options_of, owners_of
from nobs.text import join_words

if TYPE_CHECKING:
    from nobs.launch.executor.base import Executor
    from nobs.launch.planning.plan import Plan
    from nobs.launch.planning.request import RunRequest
    from nobs.launch.run.ending import Finished


RUN_ONLY = frozenset({*RUN_OPTIONS, *HOSTS_OPTIONS, "take_over", "resume", "yes"})
"""Parameters that say how a run is executed, not what is measured."""


class RunCommand(click.Command):
    """Groups the options by the tasks that take them, and keeps the words for other hosts."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse `args`; they stay in `ctx.meta`."""
        ctx.meta[WORDS] = tuple(args)
        return super().parse_args(ctx, args)

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
@device_option
@together_option
@how_options
@task_options(*options_of().values())
@image_options
@hosts_options
@click.option(
    "--image",
    metavar="IMAGE@sha256:HEX",
    help="Pull this image of NOBS instead of building one; the report records the digest.",
)
@click.option(
    "--resume",
    metavar="RUN_ID",
    help="Resume a run: execute its failed, interrupted or missing steps with the original "
    "settings.",
)
@click.option(
    "--take-over",
    is_flag=True,
    help="With --resume: take the run over from another machine that died. All of it is measured "
    "here in a new run, unless --node names the same machine.",
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
    """Run benchmarks on this machine, or on --host, and write a report.

    A changed parameter makes the result open: it is shown with the change and never ranked with
    closed results. An option that no selected task takes is an error.
    """
    given = {name: params.pop(name) for name in (*RUN_OPTIONS, "take_over")}
    hosts = {name: params.pop(name) for name in HOSTS_OPTIONS}
    run_id = params.pop("resume")
    from nobs.supervisor.signals import stop_on_signals

    if hosts["host"] or hosts["hosts_file"]:
        from nobs.cli.fleet import run_on_hosts

        ctx.exit(run_on_hosts(ctx, params, hosts, given, yes=yes))
    refuse_hosts(hosts)
    options = RunOptions(node=params["node"], **given)
    try:
        # Also while it is planned, or its image is built.
        with stop_on_signals():
            if run_id is None:
                if options.take_over:
                    raise click.UsageError("--take-over needs --resume RUN_ID.")
                code = plan_or_run({**params, "settings": settings_of(ctx)}, options)
            else:
                allowed = {"resume", "results", "yes", "node", "take_over", *RUN_OPTIONS}
                refuse_options(ctx, allowed, "--resume")
                code = resume_run(run_id, params["results"], options)
    except (NobsError, click.ClickException, click.Abort, KeyboardInterrupt, OSError) as error:
        announce(describe_error(error), options)
        raise
    ctx.exit(code)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a run is executed and shown; independent of the measured work."""

    dry_run: bool = False
    detach: bool = False
    as_json: bool = False
    verbose: bool = False
    quiet: bool = False
    node: str | None = None
    take_over: bool = False

    @property
    def is_announced(self) -> bool:
        """Whether the last line of stdout is the end as JSON, as in fleets, which name nodes."""
        return self.node is not None and not (self.as_json or self.detach or self.dry_run)


def plan_or_run(params: Mapping[str, Any], options: RunOptions) -> int:
    """Print the plan, or run it and print the summary; return the exit code."""
    from nobs.catalog import load_catalog
    from nobs.cli.request import to_request
    from nobs.launch.container.secrets import secret_files
    from nobs.launch.executor.choice import choose_executor
    from nobs.launch.planning.devices import facts_of_devices
    from nobs.launch.planning.facts import gather_facts
    from nobs.launch.planning.plan import make_plan

    request = to_request(params)
    facts = gather_facts(request)
    written = facts.engine is not None and not options.dry_run
    with closing(facts), secret_files(request.results, written=written) as secrets:
        facts, catalog = replace(facts, secrets=secrets), load_catalog()
        plans = [make_plan(request, catalog, each) for each in facts_of_devices(facts, request)]
        executor = choose_executor(plans[0].spec, facts.require_engine)
        if len(plans) == 1:
            refuse_together(request)
            return _carry_out(plans[0], executor, options)
        from nobs.cli.devices import run_in_turn

        return run_in_turn(plans, executor, options, together=request.together)


def refuse_together(request: "RunRequest") -> None:
    """Raise UsageError if one device should be measured together with others."""
    if request.together:
        raise UsageError(
            "--together needs several devices, and this run has one.",
            "Name them, as in --device all, --device cuda:0,cuda:1 or --device cpu:0-3,cpu:4-7.",
        )


def resume_run(run_id: str, results: Path, options: RunOptions) -> int:
    """Execute the missing steps of a run, or print their plan; return the exit code."""
    from nobs.launch.container.secrets import secret_files
    from nobs.launch.executor.choice import choose_executor
    from nobs.launch.planning.devices import facts_of_devices
    from nobs.launch.planning.facts import gather_facts
    from nobs.launch.run.ownership import release_silent
    from nobs.launch.run.resume import (
        check_node,
        is_of_another,
        plan_again,
        plan_resume,
        request_of,
    )
    from nobs.storage.store import find_run

    run_dir = find_run(results, run_id)
    spec = run_dir.read_spec()
    is_again = options.take_over and is_of_another(run_dir, options.node)
    if not options.take_over:
        check_node(spec, options.node)
    elif not options.dry_run:
        click.echo(f"watching the heartbeat of run {run_id}", err=True)
        release_silent(run_dir)
    request = request_of(spec, results)
    facts = gather_facts(request)
    written = facts.engine is not None and not options.dry_run
    with closing(facts), secret_files(results, written=written) as secrets:
        facts = facts_of_devices(replace(facts, secrets=secrets), request)[0]
        executor = choose_executor(spec, facts.require_engine)
        if is_again:
            plan = plan_again(run_dir, results, facts, executor, node=options.node)
        else:
            plan = plan_resume(run_dir, results, facts, executor)
        return _carry_out(plan, executor, options, resumed=not is_again)


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
        code = print_result(finished, as_json=options.as_json)
        announce(describe_end(finished), options)
        return code
    # A launcher without a terminal takes over from here.
    run_id = plan.spec.run_id
    start_detached(find_run(plan.results, run_id))
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
