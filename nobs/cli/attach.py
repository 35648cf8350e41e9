"""`nobs attach`."""

from pathlib import Path

import click

from nobs.cli.options import json_option, results_option


@click.command(name="attach")
@click.argument("run_id", metavar="RUN")
@click.option("--verbose", "-v", is_flag=True, help="Show every event.")
@results_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, /, *, run_id: str, verbose: bool, results: Path, as_json: bool
) -> None:
    """Watch a run to its end, as if it had been started here: Ctrl-C ends it.

    A run whose launcher has died is taken over: its output, its report and its exit code come out
    as they would have there. To look without touching, use `nobs logs -f`.
    """
    from nobs.cli.attaching import attach_run  # noqa: PLC0415 - --help must stay fast

    ctx.exit(attach_run(run_id, results, as_json=as_json, verbose=verbose))
