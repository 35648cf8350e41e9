"""`nobs attach`."""

from contextlib import closing
from pathlib import Path
from typing import Any

import click

from nobs.cli.hosts import hosts_options, refuse_hosts
from nobs.cli.options import json_option, results_option


@click.command(name="attach")
@click.argument("run_id", metavar="RUN")
@click.option("--verbose", "-v", is_flag=True, help="Show all events.")
@results_option
@hosts_options
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    run_id: str,
    verbose: bool,
    results: Path,
    as_json: bool,
    **hosts: Any,  # noqa: ANN401 - click's values
) -> None:
    """Follow a run until it ends. Ctrl-C interrupts the run, as in `nobs run`.

    If the launcher of the run has died, this command takes over: it shows the progress, writes the
    report and returns the exit code. To watch only, use `nobs logs -f`.

    With --host or --hosts RUN is the name that `nobs run` printed for its runs on these hosts.
    """
    if hosts["host"] or hosts["hosts_file"]:
        from nobs.cli.fleet import attach_to_hosts

        ctx.exit(attach_to_hosts(run_id, results, hosts, verbose=verbose, as_json=as_json))
    refuse_hosts(hosts)
    from nobs.cli.progress import Progress
    from nobs.cli.run import print_result
    from nobs.launch.executor.choice import choose_executor
    from nobs.launch.planning.plan import Plan
    from nobs.launch.run.attach import attach
    from nobs.storage.store import find_run

    run_dir = find_run(results, run_id)
    plan = Plan(spec=run_dir.read_spec(), results=results)
    executor = closing(choose_executor(plan.spec))
    with executor as chosen, Progress(plan, verbose=verbose) as progress:
        finished = attach(run_dir, chosen, progress.show)
    ctx.exit(print_result(finished, as_json=as_json))
