"""Prepares LM Studio for a run and restores its former state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

from nobs.errors import HostApiError, NobsError, UsageError
from nobs.providers.base import OnProgress
from nobs.providers.client import Server
from nobs.providers.definitions import LMSTUDIO
from nobs.providers.lmstudio.cli import Lms, check_lms_cli
from nobs.providers.lmstudio.failures import ModelNotFound
from nobs.providers.lmstudio.names import NamedModel
from nobs.providers.lmstudio.state import (
    Instance,
    daemon_status,
    downloaded_models,
    find_loaded,
    loaded_models,
    server_port,
)
from nobs.providers.lmstudio.targets import SILENCE_S, find_instance, find_or_download
from nobs.schema.server import Connection, ServerRequest
from nobs.system.hosts import is_this_machine

LOAD_S = 900.0
_GREETING_S = 30.0
OWN_PREFIX = "nobs-"
"""Of the identifiers of what we load."""


@dataclass(kw_only=True)
class Setup:
    """What was found and what was changed, filled in as it happens, so that it can be undone."""

    lms: Lms
    before: Mapping[str, Any]
    """The daemon's status."""
    port_before: int | None
    connection: Connection
    """To the running server."""
    started_server: bool = False
    loaded_before: tuple[Instance, ...] | None = None
    loaded: str | None = None
    """Identifier of the instance that we load."""
    model: str = ""
    """As requests name it."""


def setup_lm_studio(
    request: ServerRequest, connection: Connection, on_progress: OnProgress
) -> Setup:
    """Start the server, download and load the model where they are missing.

    Undoes what it did if it fails; otherwise `cleanup_lm_studio` has to be called.
    """
    lms = check_lms_cli()
    setup = Setup(
        lms=lms, before=daemon_status(lms), port_before=server_port(lms), connection=connection
    )
    try:
        _start_server(setup, on_progress)
        _wait_for_greeting(setup.connection)
        setup.model = _choose_and_load(setup, request, on_progress)
    except BaseException:
        cleanup_lm_studio(setup, on_progress)
        raise
    return setup


def cleanup_lm_studio(setup: Setup, on_progress: OnProgress) -> None:
    """Leave server, models and daemon as they were before; failures are reported, not raised."""
    if setup.loaded_before is not None:
        _restore_models(setup, on_progress)
    if setup.started_server:
        _undo(setup, on_progress, "server", "stop")
    if setup.before.get("status") == "not-running":
        _stop_daemon(setup, on_progress)


def _start_server(setup: Setup, on_progress: OnProgress) -> None:
    """Start the server unless it runs, and note how it is reached."""
    url, port = setup.connection.base_url, setup.connection.port
    if not is_this_machine(setup.connection.host):
        raise UsageError(
            f"LM Studio can be set up on this machine only, not at {url}.",
            "Leave out --setup-lm-studio, or name a URL of this machine.",
        )
    running = setup.port_before
    if running is None:
        on_progress(f"Starting LM Studio's server on port {port}.")
        setup.started_server = True
        setup.lms.run("server", "start", "--port", str(port))
    elif running != port:
        if url != LMSTUDIO.default_url:
            raise HostApiError(
                f"LM Studio's server already runs on port {running}, not {port}.",
                f"Use it: --llm-url http://127.0.0.1:{running}/v1. Or stop it: `lms server stop`.",
            )
        port = running
    here = {"base_url": f"http://127.0.0.1:{port}/v1"}
    setup.connection = setup.connection.model_copy(update=here)


def _wait_for_greeting(connection: Connection) -> None:
    retrying = Retrying(
        retry=retry_if_result(lambda greets: not greets),
        wait=wait_exponential(multiplier=0.1, max=2.0),
        stop=stop_after_delay(_GREETING_S),
    )
    try:
        retrying(_greets, connection)
    except RetryError as error:
        raise HostApiError(
            f"LM Studio's server doesn't answer at {connection.base_url}.",
            f"Another program may have port {connection.port}: name a free one, "
            "--llm-url http://127.0.0.1:PORT/v1.",
        ) from error


def _greets(connection: Connection) -> bool:
    with Server(connection, answer_s=2.0) as server:
        return server.native("/lmstudio-greeting").get("lmstudio") is True


def _choose_and_load(setup: Setup, request: ServerRequest, on_progress: OnProgress) -> str:
    """Return the identifier of the instance that requests are for."""
    setup.loaded_before = loaded_models(setup.lms)
    downloaded = downloaded_models(setup.lms)
    instance = find_instance(request.model, setup.loaded_before, downloaded)
    if instance is not None:
        _check_named(instance, request)
        return instance.identifier
    target = find_or_download(setup.lms, request.model, downloaded, on_progress)
    return _use_or_load(setup, target, request, on_progress)


def _check_named(instance: Instance, request: ServerRequest) -> None:
    """Make sure that the instance that was named can be used as it is."""
    if instance.device is not None:
        raise _on_device(instance)
    if not _fits(instance, request):
        raise HostApiError(
            f"LM Studio's instance {instance.identifier} has a context of {instance.context_length}"
            f" tokens and {instance.parallel} parallel requests, which doesn't fit the run.",
            "Load it again with enough context and parallel requests, or name the model,"
            f" {instance.key}: NOBS then loads its own instance.",
        )


def _use_or_load(
    setup: Setup, target: NamedModel, request: ServerRequest, on_progress: OnProgress
) -> str:
    """Return the identifier of an instance that fits: one of the user's, else our own."""
    for instance in setup.loaded_before or ():
        if _is_of(instance, target) and _fits(instance, request):
            on_progress(f"{target.name} is loaded as {instance.identifier}.")
            return instance.identifier
    identifier = setup.loaded = OWN_PREFIX + target.name.rpartition("/")[2]
    options = ["--identifier", identifier, "--yes"]
    if request.context_length is not None:
        options += ["--context-length", str(request.context_length)]
    if request.parallel is not None:
        options += ["--parallel", str(request.parallel)]
    on_progress(f"Loading {target.name} as {identifier}.")
    _load(setup.lms, target, options, on_progress)
    _check_loaded(setup.lms, target, identifier)
    return identifier


def _load(lms: Lms, target: NamedModel, options: list[str], on_progress: OnProgress) -> None:
    """Load by the key where that means the right variant; few versions take a variant's name."""
    name = target.model.key if target.loads_by_key else target.name
    try:
        lms.follow(
            "load", name, *options, on_progress=on_progress, limit_s=LOAD_S, silence_s=SILENCE_S
        )
    except ModelNotFound as error:
        if target.loads_by_key:
            raise
        raise not_selected(target) from error


def not_selected(target: NamedModel) -> HostApiError:
    """Return why a variant on disk can't be loaded: LM Studio loads one variant for a key."""
    selected = target.model.selected or "another quantization"
    return HostApiError(
        f"LM Studio has {target.name} on disk, but loads {selected} for {target.model.key}.",
        f"Select {target.name} in LM Studio (My Models), then run again; or measure the"
        f" one that it loads: --llm-model {target.model.key}.",
    )


def _is_of(instance: Instance, target: NamedModel) -> bool:
    """Return whether the instance is what the target means; a quantization must be confirmed."""
    if instance.key == target.name:
        return True
    return instance.key == target.model.key and target.variant in (None, instance.variant)


def _fits(instance: Instance, request: ServerRequest) -> bool:
    if instance.device is not None:
        return False
    enough = (instance.context_length or 0) >= (request.context_length or 0)
    return enough and request.parallel in (None, instance.parallel)


def _check_loaded(lms: Lms, target: NamedModel, identifier: str) -> None:
    """Make sure that it is this model, here: `lms load` takes what comes near a name."""
    found = find_loaded(lms, identifier)
    if found is None or not _is_of(found, target):
        what = "nothing" if found is None else (target.variant and found.variant) or found.key
        raise HostApiError(
            f"LM Studio loaded {what} as {identifier} instead of {target.name}.",
            f"Load it yourself: `lms load {target.model.key}`.",
        )
    if found.device is not None:
        raise _on_device(found)


def _on_device(instance: Instance) -> HostApiError:
    return HostApiError(
        f"LM Studio loaded {instance.key} on the linked device {instance.device}: its speed isn't"
        " this machine's.",
        "Make this machine the preferred device in LM Studio, then run again.",
    )


def _undo(setup: Setup, on_progress: OnProgress, *words: str) -> None:
    try:
        setup.lms.run(*words, limit_s=LOAD_S)
    except NobsError as error:
        on_progress(f"{error.message} LM Studio wasn't restored; run: `lms {' '.join(words)}`.")


def _restore_models(setup: Setup, on_progress: OnProgress) -> None:
    """Unload what we loaded, load what LM Studio put out of memory for it."""
    before = {instance.identifier: instance for instance in setup.loaded_before or ()}
    try:
        now = {instance.identifier for instance in loaded_models(setup.lms)}
    except NobsError as error:
        on_progress(f"{error.message} See `lms ps` for what is loaded.")
        return
    if setup.loaded is not None and setup.loaded in now:
        _undo(setup, on_progress, "unload", setup.loaded)
    for identifier in before.keys() - now:
        _undo(setup, on_progress, "load", *as_before(before[identifier]))


def as_before(instance: Instance) -> list[str]:
    """Return the words of `lms load` that load an instance as it was."""
    options = [instance.key, "--identifier", instance.identifier, "--yes"]
    if instance.context_length is not None:
        options += ["--context-length", str(instance.context_length)]
    return options


def _stop_daemon(setup: Setup, on_progress: OnProgress) -> None:
    """End LM Studio if it was woken up for us; a window of the app can't be closed from here."""
    now = daemon_status(setup.lms)
    if now.get("isDaemon") is True:
        _undo(setup, on_progress, "daemon", "down")
    elif now.get("status") == "running":
        on_progress("LM Studio was started for this run and is still open; close its window.")
