"""`nobs doctor`."""

from pathlib import Path

import click

from nobs.cli.options import backend_option, json_option, results_option


@click.command(name="doctor")
@backend_option
@results_option
@json_option
@click.pass_context
def command(ctx: click.Context, /, *, backend: str, results: Path, as_json: bool) -> None:
    """Check engine, GPU, driver, disk, cache and hub.

    Each line is ok, warn, skip or FAIL; only what FAILs keeps a run on the backend from working,
    and then the exit code is 3.
    """
    from nobs.cli.diagnosis import diagnose  # noqa: PLC0415 - --help must stay fast

    ctx.exit(diagnose(backend, results, as_json=as_json))
