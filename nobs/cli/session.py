"""From the command line's words to a printed plan or a finished run."""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from nobs.catalog import load_catalog
from nobs.cli.progress import Progress
from nobs.cli.words import to_request
from nobs.launch.container_plan import SecretFile
from nobs.launch.facts import Facts, gather_facts
from nobs.launch.launcher import Finished, launch, resume
from nobs.launch.plan import Plan, make_plan
from nobs.launch.resume import plan_resume, request_of
from nobs.render.plan import render_plan
from nobs.render.summary import render_summary
from nobs.schema.files import to_json
from nobs.store import find_run

_SECRETS = {"HF_TOKEN": "HF_TOKEN_PATH"}
"""Variable that holds a secret -> the one that, in a container, names a file with it."""


def plan_or_run(
    words: Mapping[str, Any], *, dry_run: bool, as_json: bool, verbose: bool = False
) -> int:
    """Print the plan, or run it and print the summary; return the exit code."""
    request = to_request(words)
    facts = gather_facts(request)
    with _closing(facts), _secret_files() as secrets:
        plan = make_plan(request, load_catalog(), facts, secrets)
        if dry_run:
            return _print_plan(plan, as_json=as_json)
        with Progress(plan, verbose=verbose) as progress:
            finished = launch(plan, facts.engine, progress.show)
    return _print_result(finished, as_json=as_json)


def resume_run(
    run_id: str, results: Path, *, dry_run: bool, as_json: bool, verbose: bool = False
) -> int:
    """Do what an earlier run lacks, or print the plan of it; return the exit code."""
    run_dir = find_run(results, run_id)
    facts = gather_facts(request_of(run_dir.read_spec(), results))
    with _closing(facts), _secret_files() as secrets:
        plan = plan_resume(run_dir, results, facts, secrets)
        if dry_run:
            return _print_plan(plan, as_json=as_json)
        with Progress(plan, verbose=verbose) as progress:
            finished = resume(plan, facts.engine, progress.show)
    return _print_result(finished, as_json=as_json)


def _print_plan(plan: Plan, *, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps(describe_plan(plan), indent=2))
    else:
        click.echo(render_plan(describe_plan(plan)), nl=False)
    return 0


def describe_plan(plan: Plan) -> dict[str, Any]:
    """Return the plan as plain values: spec, image, container and what is worth knowing."""
    image = plan.image
    return {
        "run_directory": str(plan.run_path),
        "spec": plan.spec.model_dump(mode="json", by_alias=True),
        "image": image
        and {
            "tag": image.tag,
            "dockerfile": image.dockerfile,
            "build_args": dict(image.build_args),
            "network": image.network,
        },
        "container": plan.container and plan.container.to_dict(),
        "notes": list(plan.notes),
    }


def _print_result(finished: Finished, *, as_json: bool) -> int:
    if as_json:
        click.echo(to_json(finished.report), nl=False)
        return finished.exit_code
    click.echo(render_summary(finished.report, color=_wants_color()), nl=False)
    click.echo(f"report     {_shorten(finished.report_file)}")
    click.echo(f"run        {_shorten(finished.run_dir.path)}")
    return finished.exit_code


def _wants_color() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def _shorten(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.absolute().relative_to(Path.cwd()))
    return str(path)


@contextlib.contextmanager
def _closing(facts: Facts) -> Iterator[None]:
    try:
        yield
    finally:
        if facts.engine is not None:
            facts.engine.close()


@contextlib.contextmanager
def _secret_files() -> Iterator[tuple[SecretFile, ...]]:
    """Keep secrets of the environment in files of the user's own for as long as the run lasts."""
    with tempfile.TemporaryDirectory(prefix="nobs-secrets-") as directory:
        yield tuple(
            _keep_secret(Path(directory) / name.lower(), variable, secret)
            for name, variable in _SECRETS.items()
            if (secret := os.environ.get(name))
        )


def _keep_secret(file: Path, variable: str, secret: str) -> SecretFile:
    file.touch(mode=0o600)
    file.write_text(secret, encoding="utf-8")
    return SecretFile(variable=variable, source=file)
