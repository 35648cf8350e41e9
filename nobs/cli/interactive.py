"""Bare `nobs` on a terminal: shows the device, asks what to run, each question with a default."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import click

from nobs.backends import BACKENDS
from nobs.catalog import Catalog, load_catalog
from nobs.cli.options import EXECUTIONS as EXECUTION_WORDS
from nobs.cli.options import settings_of
from nobs.cli.run import RunOptions, plan_or_run
from nobs.cli.run import command as run_command
from nobs.cli.words import to_request
from nobs.data.hub_cache import missing_pins, pins_of
from nobs.errors import NobsError, UsageError
from nobs.launch.doctor.check import State
from nobs.launch.doctor.disk import check_hub
from nobs.launch.planning.execution import choose_execution
from nobs.launch.planning.facts import gather_facts
from nobs.launch.planning.request import RunRequest
from nobs.launch.planning.server import needs_server
from nobs.launch.server.serving import find_absent_server
from nobs.render.summary import render_device
from nobs.schema.base import Backend
from nobs.settings import (
    DEFAULT_LLM_MODEL_NAME,
    hub_cache,
    hub_endpoint,
    hub_offline,
    llm_model_name,
)
from nobs.system.accelerators import explain_choice, find_accelerators
from nobs.system.device_info import get_device_info
from nobs.system.probe import LocalMachine
from nobs.tasks import TASKS
from nobs.tasks.definitions import options_of
from nobs.tasks.options import SETUP_LM_STUDIO

type Check = Callable[[str], str]
_STANDARD, _QUICK = "standard", "quick"


def ask_and_run(ctx: click.Context) -> None:
    """Ask, then run; leaving at any question writes nothing."""
    words = _defaults(ctx)
    asked_for = None if words["backend"] == "auto" else Backend(words["backend"])
    machine = LocalMachine()
    accelerators = find_accelerators(machine)
    device = get_device_info(asked_for, machine, accelerators)
    click.echo(render_device(device), err=True)
    for note in explain_choice(accelerators, device.device, is_auto=asked_for is None):
        click.echo(f"note       {note}", err=True)
    click.echo(err=True)
    _ask_what(words, load_catalog())
    _offer_lm_studio(words, load_catalog())
    words["backend"] = _ask("Backend", device.device, tuple(BACKENDS), _check_backend)
    words["execution"] = _ask_execution(words)
    click.echo(f"\nWithout questions: {_as_command(words)}", err=True)
    if click.confirm("Run now?", default=True, err=True):
        ctx.exit(plan_or_run(words, RunOptions()))


def _defaults(ctx: click.Context) -> dict[str, Any]:
    """Return the words of a `nobs run` without options; variables count as they do there."""
    asked_for = {*options_of(), *(field.name for field in fields(RunRequest))}
    with run_command.make_context("run", [], parent=ctx) as defaults:
        words = {name: value for name, value in defaults.params.items() if name in asked_for}
        return {**words, "settings": settings_of(defaults)}


def _ask_what(words: dict[str, Any], catalog: Catalog) -> None:
    tasks = _ask("Tasks", "all", ("all", *TASKS), _check_tasks)
    words["tasks"] = () if tasks == "all" else (tasks,)
    profile, why = _suggest_profile(words["profile"], catalog)
    if why:
        click.echo(f"  {why}", err=True)

    def check(answer: str) -> str:
        request = to_request({**words, "profile": answer})
        for task in request.tasks:
            catalog.workload(task, answer)
        return answer

    words["profile"] = _ask("Profile", profile, tuple(catalog.profiles), check)


def _offer_lm_studio(words: dict[str, Any], catalog: Catalog) -> None:
    """Offer to set LM Studio up where a model is to be served from here and no server answers."""
    request = to_request(words)
    url = find_absent_server(request, catalog)
    if url is None:
        return
    tasks = request.tasks or catalog.tasks(request.profile)
    served = [t for t in tasks if needs_server(catalog.workload(t, request.profile))]
    click.echo(f"  {', '.join(served)}: no server answers at {url}", err=True)
    # Only here the openai client comes along.
    from nobs.providers.lmstudio import check_lms_cli

    try:
        check_lms_cli()
    except NobsError as error:
        click.echo(f"  {error}", err=True)
        return
    model = llm_model_name() or DEFAULT_LLM_MODEL_NAME
    question = f"Set up LM Studio with {model} for this run, and leave it as it is now?"
    words[SETUP_LM_STUDIO.name] = click.confirm(question, default=False, err=True)


def _suggest_profile(chosen: str, catalog: Catalog) -> tuple[str, str]:
    """Return the default, and why it is `quick` where the standard workloads can't be had."""
    if chosen != _STANDARD:
        return chosen, ""
    pins = pins_of(catalog.workloads[label] for label in catalog.profiles[_STANDARD])
    missing = missing_pins(pins, hub_cache())
    if not missing:
        return _STANDARD, ""
    hub = check_hub(hub_endpoint(), offline=hub_offline())
    if hub.state is State.OK:
        return _STANDARD, ""
    return _QUICK, f"hub: {hub.found.rstrip('.')}; not cached: {', '.join(missing)}"


def _ask_execution(words: Mapping[str, Any]) -> str:
    """Ask where to run; the default is what `auto` would take."""
    request = to_request(words)
    facts = gather_facts(request)
    if facts.engine is not None:
        facts.engine.close()
    target = BACKENDS.load(words["backend"])
    tasks = request.tasks or load_catalog().tasks(request.profile)
    default, notes = choose_execution(request, target, facts, tasks)
    for note in notes:
        click.echo(f"  {note}", err=True)
    return _ask("Execution", default, EXECUTION_WORDS[1:], _check_execution)


def _check_tasks(value: str) -> str:
    for name in value.split(","):
        if name.strip() != "all":
            TASKS.load(name.strip())
    return value


def _check_execution(value: str) -> str:
    if value not in EXECUTION_WORDS[1:]:
        raise UsageError(f"There is no execution {value!r}.", "Choose container or native.")
    return value


def _check_backend(name: str) -> str:
    BACKENDS.load(name).check_host(find_accelerators())
    return name


def _ask(question: str, default: str, choices: tuple[str, ...], check: Check) -> str:
    """Ask until the answer passes `check`; Enter takes the default."""

    def judge(answer: str) -> str:
        try:
            return check(answer.strip())
        except NobsError as error:
            raise click.UsageError(str(error)) from error

    text = f"{question} ({', '.join(choices)})"
    answer: str = click.prompt(text, default=str(default), value_proc=judge, err=True)
    return answer


def _as_command(words: Mapping[str, Any]) -> str:
    tasks = [f"--task {task}" for task in words["tasks"]]
    chosen = [f"--{name} {words[name]}" for name in ("profile", "backend", "execution")]
    setup = [SETUP_LM_STUDIO.flag] if words[SETUP_LM_STUDIO.name] else []
    return " ".join(["nobs run", *tasks, *chosen, *setup])
