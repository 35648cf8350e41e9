"""From the command line's words to a printed plan or a finished run."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from nobs.catalog import load_catalog
from nobs.cli.progress import Progress
from nobs.cli.terminal import columns, wants_color
from nobs.cli.words import to_request
from nobs.launch.container.plan import (
    CERTIFICATES_VARIABLE,
    KEY_VARIABLE,
    TOKEN_VARIABLE,
    SecretFile,
)
from nobs.launch.planning.facts import Facts, gather_facts
from nobs.launch.planning.plan import Plan, make_plan
from nobs.launch.run.detached import start_detached
from nobs.launch.run.ending import Finished
from nobs.launch.run.launcher import launch, prepare, resume
from nobs.launch.run.resume import plan_resume, request_of
from nobs.render.plan import render_plan
from nobs.render.summary import render_summary
from nobs.settings import llm_api_key
from nobs.storage.files import to_json
from nobs.storage.rundir import RunDir
from nobs.storage.store import find_run, prepare_results
from nobs.supervisor.signals import stop_on_signals
from nobs.system.processes import scratch_directory
from nobs.user import certificates


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a run is carried out and shown; nothing of it changes what is measured."""

    dry_run: bool = False
    """Print the plan and do nothing."""
    detach: bool = False
    """Return once it runs."""
    as_json: bool = False
    verbose: bool = False
    quiet: bool = False


def plan_or_run(words: Mapping[str, Any], manner: Manner) -> int:
    """Print the plan, or run it and print the summary; return the exit code."""
    request = to_request(words)
    facts = gather_facts(request)
    written = facts.engine is not None and not manner.dry_run
    with _closing(facts), _secret_files(request.results, written=written) as secrets:
        plan = make_plan(request, load_catalog(), facts, secrets)
        if manner.dry_run:
            return _print_plan(plan, as_json=manner.as_json)
        with Progress(plan, verbose=manner.verbose, quiet=manner.quiet) as progress:
            if manner.detach:
                _, run_dir = prepare(plan, facts.engine, progress.show)
                return _detach(run_dir, plan, as_json=manner.as_json)
            finished = launch(plan, facts.engine, progress.show)
    return print_result(finished, as_json=manner.as_json)


def resume_run(run_id: str, results: Path, manner: Manner) -> int:
    """Do what an earlier run lacks, or print the plan of it; return the exit code."""
    run_dir = find_run(results, run_id)
    facts = gather_facts(request_of(run_dir.read_spec(), results))
    written = facts.engine is not None and not manner.dry_run
    with _closing(facts), _secret_files(results, written=written) as secrets:
        plan = plan_resume(run_dir, results, facts, secrets)
        if manner.dry_run:
            return _print_plan(plan, as_json=manner.as_json)
        if manner.detach:
            return _detach(run_dir, plan, as_json=manner.as_json)
        with Progress(plan, verbose=manner.verbose, quiet=manner.quiet) as progress:
            finished = resume(plan, facts.engine, progress.show)
    return print_result(finished, as_json=manner.as_json)


def _detach(run_dir: RunDir, plan: Plan, *, as_json: bool) -> int:
    """Hand the run to a launcher without a terminal; print its id and return 0."""
    start_detached(run_dir, plan.results)
    run_id = plan.spec.run_id
    click.echo(json.dumps({"run_id": run_id}) if as_json else run_id)
    click.echo(f"watch it with: nobs attach {run_id}", err=True)
    return 0


def _print_plan(plan: Plan, *, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps(plan.to_dict(), indent=2))
    else:
        click.echo(render_plan(plan.to_dict()), nl=False)
    return 0


def print_result(finished: Finished, *, as_json: bool) -> int:
    """Print what the run left; return its exit code."""
    if as_json:
        click.echo(to_json(finished.report), nl=False)
        return finished.exit_code
    click.echo(render_summary(finished.report, width=columns(), color=wants_color()), nl=False)
    click.echo(f"report     {_shorten(finished.report_file)}")
    click.echo(f"run        {_shorten(finished.run_dir.path)}")
    return finished.exit_code


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
def _secret_files(results: Path, *, written: bool) -> Iterator[tuple[SecretFile, ...]]:
    """Keep the user's secrets in files beside the runs for as long as the run lasts.

    A plan that isn't carried out names them all the same; nothing is `written` for it.
    """
    runs, secrets = results / "runs", _find_secrets()
    with stop_on_signals(), contextlib.ExitStack() as stack:
        directory = runs / "nobs-scratch"
        if written and secrets:
            prepare_results(results)
            directory = stack.enter_context(scratch_directory(runs.absolute()))
            for name, text in secrets.values():
                _write_secret(directory / name, text)
        yield tuple(
            SecretFile(variable=variable, source=directory.absolute() / name)
            for variable, (name, _) in secrets.items()
        )


def _find_secrets() -> dict[str, tuple[str, bytes]]:
    """Return what containers get as files: variable -> (file's name, content)."""
    file = certificates()
    texts = {
        TOKEN_VARIABLE: ("hf_token", os.environ.get("HF_TOKEN", "").encode()),
        KEY_VARIABLE: ("llm_api_key", llm_api_key().encode()),
        # No secret, but no less hidden from an engine where it is.
        CERTIFICATES_VARIABLE: ("certificates", file.read_bytes() if file else b""),
    }
    return {variable: found for variable, found in texts.items() if found[1]}


def _write_secret(file: Path, text: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(text)
