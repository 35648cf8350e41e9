"""`nobs` without a command: shows the hardware and asks which tasks to run, with defaults."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import click

from nobs.backends import BACKENDS
from nobs.catalog import Catalog, load_catalog
from nobs.cli.options import EXECUTIONS, settings_of
from nobs.cli.request import ALL_TASKS, to_request
from nobs.cli.run import RunOptions, plan_or_run
from nobs.cli.run import command as run_command
from nobs.cli.terminal import wrap
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
from nobs.schema.enums import Backend
from nobs.settings import (
    hub_cache,
    hub_endpoint,
    hub_offline,
    llm_model_name,
)
from nobs.system.accelerators import explain_choice, find_accelerators
from nobs.system.device_info import get_device_info
from nobs.system.probe import LocalMachine
from nobs.tasks import TASKS
from nobs.tasks.definitions import is_complete_model, options_of
from nobs.tasks.options import SETUP_LM_STUDIO

type Check = Callable[[str], str]
_STANDARD, _QUICK = "standard", "quick"


def ask_and_run(ctx: click.Context) -> None:
    """Ask, then run; nothing is written before the last answer."""
    params = _defaults(ctx)
    requested = None if params["backend"] == "auto" else Backend(params["backend"])
    machine = LocalMachine()
    accelerators = find_accelerators(machine)
    device = get_device_info(requested, machine, accelerators)
    click.echo(render_device(device), err=True)
    for note in explain_choice(accelerators, device.device, is_auto=requested is None):
        click.echo(wrap(f"note       {note}", " " * 11), err=True)
    click.echo(err=True)
    _ask_what(params, load_catalog())
    has_server = _offer_lm_studio(params, load_catalog())
    params["backend"] = _ask("Backend", device.device, tuple(BACKENDS), _check_backend)
    params["execution"] = _ask_execution(params)
    # One line, so that it can be copied.
    click.echo(f"\nThe same without questions:\n  {_as_command(params)}", err=True)
    if click.confirm("Run now?", default=has_server, err=True):
        ctx.exit(plan_or_run(params, RunOptions()))


def _defaults(ctx: click.Context) -> dict[str, Any]:
    """Return the parameters of `nobs run` without options; environment variables apply."""
    names = {*options_of(), *(field.name for field in fields(RunRequest))}
    with run_command.make_context("run", [], parent=ctx) as defaults:
        params = {name: value for name, value in defaults.params.items() if name in names}
        return {**params, "settings": settings_of(defaults)}


def _ask_what(params: dict[str, Any], catalog: Catalog) -> None:

    def profiles_of(answer: str) -> tuple[str, ...]:
        asked = to_request({**params, "tasks": (answer,), "profile": _STANDARD})
        return tuple(p for p in catalog.profiles if {*asked.tasks} <= {*catalog.tasks(p)})

    def check_tasks(answer: str) -> str:
        if not profiles_of(answer):
            raise UsageError(f"No profile has all of {answer}.", "Name fewer tasks.")
        return answer

    tasks = _ask("Tasks", ALL_TASKS, (ALL_TASKS, *TASKS), check_tasks)
    params["tasks"] = () if tasks == ALL_TASKS else (tasks,)
    profiles = profiles_of(tasks)
    profile, why = _suggest_profile(params, catalog)
    if profile not in profiles:
        profile = profiles[0]
    elif why:
        click.echo(wrap(f"  {why}", "    "), err=True)

    def check(answer: str) -> str:
        request = to_request({**params, "profile": answer})
        for task in request.tasks:
            catalog.workload(task, answer)
        return answer

    params["profile"] = _ask("Profile", profile, profiles, check)


def _offer_lm_studio(params: dict[str, Any], catalog: Catalog) -> bool:
    """Offer to set up LM Studio if a task needs a server and none answers.

    Return whether the run will do what was asked; without named tasks it leaves those out.
    """
    request = to_request(params)
    url = find_absent_server(request, catalog)
    if url is None:
        return True
    tasks = request.tasks or catalog.tasks(request.profile)
    served = [t for t in tasks if needs_server(catalog.workload(t, request.profile))]
    click.echo(wrap(f"  {', '.join(served)}: no server answers at {url}", "    "), err=True)
    # Imported here: it brings the HTTP client.
    from nobs.providers.lmstudio.cli import check_lms_cli

    try:
        check_lms_cli()
    except NobsError as error:
        click.echo(wrap(f"  {error}", "    "), err=True)
        return not request.tasks
    pinned = catalog.workload(served[0], request.profile).models[0].id
    own_name = catalog.served_names.get(pinned, {}).get("lmstudio", pinned)
    model = llm_model_name() or own_name
    question = f"Set up LM Studio with {model} and restore it afterwards?"
    is_wanted = click.confirm(wrap(question), default=False, err=True)
    params[SETUP_LM_STUDIO.name] = is_wanted
    return is_wanted or not request.tasks


def _suggest_profile(params: Mapping[str, Any], catalog: Catalog) -> tuple[str, str]:
    """Return the default profile, and why it is `quick` if standard data can't be downloaded."""
    if params["profile"] != _STANDARD:
        return params["profile"], ""
    tasks = to_request(params).tasks or catalog.tasks(_STANDARD)
    standard = [catalog.workloads[label] for label in catalog.profiles[_STANDARD]]
    pins = pins_of(workload for workload in standard if workload.task in tasks)
    missing = missing_pins(pins, hub_cache(), is_complete_model)
    if not missing:
        return _STANDARD, ""
    hub = check_hub(hub_endpoint(), offline=hub_offline())
    if hub.state is State.OK:
        return _STANDARD, ""
    return _QUICK, f"hub: {hub.found.rstrip('.')}; not cached: {', '.join(missing)}"


def _ask_execution(params: Mapping[str, Any]) -> str:
    """Ask where to run; the default is that of `auto`."""
    request = to_request(params)
    facts = gather_facts(request)
    facts.close()
    target = BACKENDS.load(params["backend"])
    tasks = request.tasks or load_catalog().tasks(request.profile)
    default, notes = choose_execution(request, target, facts, tasks)
    for note in notes:
        click.echo(wrap(f"  {note}", "    "), err=True)
    return _ask("Execution", default, EXECUTIONS[1:], _check_execution)


def _check_execution(value: str) -> str:
    if value not in EXECUTIONS[1:]:
        raise UsageError(f"There is no execution {value!r}.", "Choose container or native.")
    return value


def _check_backend(name: str) -> str:
    BACKENDS.load(name).check_host(find_accelerators())
    return name


def _ask(question: str, default: str, choices: tuple[str, ...], check: Check) -> str:
    """Ask until the answer passes `check`; Enter selects the default."""

    def validate(answer: str) -> str:
        try:
            return check(answer.strip())
        except NobsError as error:
            # click adds the prefix itself.
            message = wrap(f"Error: {error}").removeprefix("Error: ")
            raise click.UsageError(message) from error

    text = wrap(f"{question} ({', '.join(choices)}) [{default}]")
    answer: str = click.prompt(
        text, default=str(default), show_default=False, value_proc=validate, err=True
    )
    return answer


def _as_command(params: Mapping[str, Any]) -> str:
    tasks = [f"--task {task}" for task in params["tasks"]]
    chosen = [f"--{name} {params[name]}" for name in ("profile", "backend", "execution")]
    setup = [SETUP_LM_STUDIO.flag] if params[SETUP_LM_STUDIO.name] else []
    return " ".join(["nobs run", *tasks, *chosen, *setup])
