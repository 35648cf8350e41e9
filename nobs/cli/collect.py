"""`nobs collect`."""

from pathlib import Path

import click

from nobs.cli.options import catalog_option, json_option, results_option
from nobs.cli.terminal import columns, wants_color


@click.command(name="collect")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@results_option
@catalog_option
@click.option(
    "--expect",
    "expected",
    multiple=True,
    metavar="NODE[,NODE]",
    help="Nodes that must have a report; others are named as lost. Can be repeated.",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    sources: tuple[str, ...],
    results: Path,
    expected: tuple[str, ...],
    as_json: bool,
) -> None:
    """Bring reports of many machines together in the results directory.

    A SOURCE is a results directory or one with several, a tar or zip archive, a report, or
    HOST:DIRECTORY, which the system's ssh reads. Interrupted runs in `runs` count, too. Reports are
    validated, and each run is taken once. The exit code is 1 if any is partial, altered, invalid or
    lost, or a source can't be read.
    """
    from nobs.render.collected import collected_json, collected_text
    from nobs.report.collect import collect
    from nobs.storage.store import prepare_results

    prepare_results(results)
    nodes = [node.strip() for each in expected for node in each.split(",") if node.strip()]
    found = collect(sources, results, nodes)
    text = (
        collected_json(found)
        if as_json
        else collected_text(found, width=columns(), color=wants_color())
    )
    click.echo(text, nl=False)
    ctx.exit(int(not found or any(each.state.is_fault for each in found)))
