"""`nobs collect`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nobs.cli.options import catalog_option, json_option, results_option
from nobs.cli.terminal import columns, wants_color

if TYPE_CHECKING:
    from nobs.report.collect import Collected


@click.command(name="collect")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@results_option
@catalog_option
@click.option(
    "--expect",
    "expected",
    multiple=True,
    metavar="NODE[,NODE]",
    help="Nodes that must have a report; those without are listed as lost. Can be repeated.",
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
    """Copy reports of many machines into the results directory.

    A SOURCE is a results directory, a directory of several, a tar or zip archive, a report, or
    HOST:DIRECTORY, which is read through the system's ssh. Interrupted runs in `runs` are included.
    Reports are validated, and each run is copied once. The exit code is 1 if any is partial,
    altered, invalid or lost, or a source can't be read.
    """
    from nobs.report.collect import collect
    from nobs.storage.store import prepare_results

    prepare_results(results)
    nodes = [node.strip() for each in expected for node in each.split(",") if node.strip()]
    ctx.exit(print_collected(collect(sources, results, nodes), as_json=as_json))


def print_collected(found: "Sequence[Collected]", *, as_json: bool) -> int:
    """Print what became of each run; return 1 if there is none, or one isn't whole."""
    from nobs.render.collected import collected_json, collected_text

    if as_json:
        click.echo(collected_json(found), nl=False)
    else:
        click.echo(collected_text(found, width=columns(), color=wants_color()), nl=False)
    return int(not found or any(each.state.is_fault for each in found))
