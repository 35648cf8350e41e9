"""The checks of `nobs doctor`, printed."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from nobs.catalog import load_catalog
from nobs.errors import RequirementError
from nobs.launch.doctor.checks import examine, has_failed
from nobs.launch.doctor.server import ServerToCheck
from nobs.render.doctor import render_checks
from nobs.schema.base import Backend


def diagnose(backend: str, results: Path, server: ServerToCheck, *, as_json: bool) -> int:
    """Print every check; return the exit code that a missing requirement means, else 0."""
    asked_for = None if backend == "auto" else Backend(backend)
    checks = examine(
        asked_for, results, load_catalog(), server, lambda line: click.echo(line, err=True)
    )
    plain = [asdict(check) for check in checks]
    click.echo(json.dumps(plain, indent=2) if as_json else render_checks(plain).rstrip("\n"))
    return RequirementError.exit_code if has_failed(checks) else 0
