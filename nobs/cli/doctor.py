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
    """Check container engine, GPU, driver, disk, cache, hub and the LLM server.

    Each check is ok, warn, skip or FAIL. Only a FAIL prevents a run on this backend; the exit code
    is 3 then.
    """
    from nobs.catalog import load_catalog
    from nobs.errors import RequirementError
    from nobs.launch.doctor.checks import examine, has_failed
    from nobs.launch.doctor.server import server_to_check
    from nobs.render.doctor import render_checks
    from nobs.schema.enums import Backend

    requested = None if backend == "auto" else Backend(backend)
    server_checked = server_to_check(server["llm_url"], server["llm_model"])
    checks = examine(
        requested, results, load_catalog(), server_checked, lambda line: click.echo(line, err=True)
    )
    plain = [asdict(check) for check in checks]
    click.echo(json.dumps(plain, indent=2) if as_json else render_checks(plain).rstrip("\n"))
    ctx.exit(RequirementError.exit_code if has_failed(checks) else 0)
