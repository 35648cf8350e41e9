"""`nobs doctor`."""

import json
from dataclasses import asdict
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
    from nobs.catalog import load_catalog
    from nobs.errors import RequirementError
    from nobs.launch.doctor.checks import examine, has_failed
    from nobs.launch.doctor.server import server_to_check
    from nobs.render.doctor import render_checks
    from nobs.schema.base import Backend

    asked_for = None if backend == "auto" else Backend(backend)
    wanted = server_to_check(server["llm_url"], server["llm_model"])
    checks = examine(
        asked_for, results, load_catalog(), wanted, lambda line: click.echo(line, err=True)
    )
    plain = [asdict(check) for check in checks]
    click.echo(json.dumps(plain, indent=2) if as_json else render_checks(plain).rstrip("\n"))
    ctx.exit(RequirementError.exit_code if has_failed(checks) else 0)
