"""`nobs doctor`."""

from pathlib import Path

import click

from nobs.cli.options import backend_option, json_option, results_option, task_options
from nobs.tasks.options import SERVER_MODEL, SERVER_URL


@click.command(name="doctor")
@backend_option
@results_option
@task_options(SERVER_URL, SERVER_MODEL)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    backend: str,
    results: Path,
    as_json: bool,
    **server: str | None,
) -> None:
    """Check engine, GPU, driver, disk, cache, hub and the server that answers for LLMs.

    Each line is ok, warn, skip or FAIL; only what FAILs keeps a run on the backend from working,
    and then the exit code is 3.
    """
    from nobs.cli.diagnosis import diagnose
    from nobs.launch.doctor.server import ServerToCheck

    wanted = ServerToCheck.of(server["llm_url"], server["llm_model"])
    ctx.exit(diagnose(backend, results, wanted, as_json=as_json))
