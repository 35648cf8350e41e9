"""LM Studio made ready for a run, and left as it was before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

from nobs.errors import HostApiError, NobsError, UsageError
from nobs.providers.base import Access, Tell, Wanted
from nobs.providers.client import Server
from nobs.providers.definitions import LMSTUDIO
from nobs.providers.diagnosis import port_of
from nobs.providers.lmstudio.cli import Lms, check_lms_cli
from nobs.providers.lmstudio.names import candidates
from nobs.providers.lmstudio.state import (
    Instance,
    daemon_status,
    downloaded_models,
    loaded_models,
    server_port,
)

DOWNLOAD_S = 6 * 3600.0
LOAD_S = 900.0
SILENCE_S = 300.0
"""Of a download or a load that tells its progress."""
_GREETING_S = 30.0
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(kw_only=True)
class Setup:
    """What was found and what was changed, filled in as it happens, so that it can be undone."""

    lms: Lms
    before: Mapping[str, Any]
    """The daemon's status."""
    port_before: int | None
    base_url: str = ""
    started_server: bool = False
    loaded_before: tuple[Instance, ...] | None = None
    loaded: str | None = None
    """Identifier of the instance that we load."""
    model: str = ""
    """As requests name it."""


def setup_lm_studio(wanted: Wanted, tell: Tell) -> Setup:
    """Start the server, download and load the model where they are missing.

    Undoes what it did if it fails; otherwise `cleanup_lm_studio` has to be called.
    """
    lms = check_lms_cli()
    setup = Setup(lms=lms, before=daemon_status(lms), port_before=server_port(lms))
    try:
        setup.base_url = _start_server(setup, wanted.base_url, tell)
        _wait_for_greeting(Access(base_url=setup.base_url, api_key=wanted.api_key))
        setup.loaded_before = loaded_models(lms)
        key = _find_or_download(lms, wanted.model, tell)
        setup.model = _use_or_load(setup, key, wanted, tell)
    except BaseException:
        cleanup_lm_studio(setup, tell)
        raise
    return setup


def cleanup_lm_studio(setup: Setup, tell: Tell) -> None:
    """Leave server, models and daemon as they were before; what fails is told, not raised."""
    if setup.loaded_before is not None:
        _restore_models(setup, tell)
    if setup.started_server:
        _undo(setup, tell, "server", "stop")
    if setup.before.get("status") == "not-running":
        _stop_daemon(setup, tell)


def _start_server(setup: Setup, wanted_url: str | None, tell: Tell) -> str:
    """Return the URL of the running server, started if need be."""
    url = wanted_url or str(LMSTUDIO.default_url)
    if urlsplit(url).hostname not in _HERE:
        raise UsageError(
            f"LM Studio can be set up on this machine only, not at {url}.",
            "Leave out --setup-lm-studio, or name a URL of this machine.",
        )
    port, running = port_of(url), setup.port_before
    if running is None:
        tell(f"Starting LM Studio's server on port {port}.")
        setup.started_server = True
        setup.lms.run("server", "start", "--port", str(port))
    elif running != port:
        if url != LMSTUDIO.default_url:
            raise HostApiError(
                f"LM Studio's server already runs on port {running}, not {port}.",
                f"Use it: --llm-url http://127.0.0.1:{running}/v1. Or stop it: `lms server stop`.",
            )
        port = running
    return f"http://127.0.0.1:{port}/v1"


def _wait_for_greeting(access: Access) -> None:
    retrying = Retrying(
        retry=retry_if_result(lambda greets: not greets),
        wait=wait_exponential(multiplier=0.1, max=2.0),
        stop=stop_after_delay(_GREETING_S),
    )
    try:
        retrying(_greets, access)
    except RetryError as error:
        raise HostApiError(
            f"LM Studio's server doesn't greet at {access.base_url}.",
            f"Another program may have port {port_of(access.base_url)}: name a free one, "
            "--llm-url http://127.0.0.1:PORT/v1.",
        ) from error


def _greets(access: Access) -> bool:
    with Server(access, answer_s=2.0) as server:
        return server.native("/lmstudio-greeting").get("lmstudio") is True


def _find_or_download(lms: Lms, wanted: str | None, tell: Tell) -> str:
    """Return the key of the model."""
    before = downloaded_models(lms)
    found = _find(wanted, before)
    if found is not None:
        return found
    if wanted is None:
        raise UsageError("No model is named.", "Name one: --llm-model NAME.")
    tell(f"Downloading {wanted} with LM Studio.")
    lms.follow("get", wanted, "--yes", tell=tell, limit_s=DOWNLOAD_S, silence_s=SILENCE_S)
    after = downloaded_models(lms)
    new = [key for key in after if key not in before]
    found = _find(wanted, after) or (new[0] if len(new) == 1 else None)
    if found is None:
        raise HostApiError(
            f"`lms get {wanted}` ended well, but LM Studio lists no such model.",
            "See `lms ls`, then name what is there: --llm-model NAME.",
        )
    return found


def _find(wanted: str | None, keys: tuple[str, ...]) -> str | None:
    """Return the one key that is meant, None where none is; UsageError where several may be."""
    found = candidates(wanted, keys)
    if len(found) > 1:
        raise UsageError(
            f"LM Studio has several models that may be meant: {', '.join(found)}.",
            "Name one whole: --llm-model OWNER/NAME.",
        )
    return found[0] if found else None


def _use_or_load(setup: Setup, key: str, wanted: Wanted, tell: Tell) -> str:
    """Return the identifier of an instance that fits: one of the user's, else our own."""
    for instance in setup.loaded_before or ():
        if instance.key == key and _fits(instance, wanted):
            tell(f"{key} is loaded as {instance.identifier}.")
            return instance.identifier
    identifier = setup.loaded = f"nobs-{key.rpartition('/')[2]}"
    options = ["--identifier", identifier, "--yes"]
    if wanted.context_length is not None:
        options += ["--context-length", str(wanted.context_length)]
    if wanted.parallel is not None:
        options += ["--parallel", str(wanted.parallel)]
    tell(f"Loading {key} as {identifier}.")
    setup.lms.follow("load", key, *options, tell=tell, limit_s=LOAD_S, silence_s=SILENCE_S)
    _check_loaded(setup.lms, key, identifier)
    return identifier


def _fits(instance: Instance, wanted: Wanted) -> bool:
    if instance.device is not None:
        return False
    enough = (instance.context_length or 0) >= (wanted.context_length or 0)
    return enough and wanted.parallel in (None, instance.parallel)


def _check_loaded(lms: Lms, key: str, identifier: str) -> None:
    """Make sure that it is this model, here: `lms load` takes what comes near a name."""
    found = next((each for each in loaded_models(lms) if each.identifier == identifier), None)
    if found is None or found.key != key:
        raise HostApiError(
            f"LM Studio was to load {key} as {identifier}, but loaded "
            f"{found.key if found else 'nothing'}.",
            f"Load it yourself: `lms load {key}`.",
        )
    if found.device is not None:
        raise HostApiError(
            f"LM Studio loaded {key} on the linked device {found.device}: its speed isn't this "
            "machine's.",
            "Make this machine the preferred device in LM Studio, then run again.",
        )


def _undo(setup: Setup, tell: Tell, *words: str) -> None:
    try:
        setup.lms.run(*words, limit_s=LOAD_S)
    except NobsError as error:
        tell(f"{error.message} LM Studio is not as it was: `lms {' '.join(words)}`.")


def _restore_models(setup: Setup, tell: Tell) -> None:
    """Unload what we loaded, load what LM Studio put out of memory for it."""
    before = {instance.identifier: instance for instance in setup.loaded_before or ()}
    try:
        now = {instance.identifier for instance in loaded_models(setup.lms)}
    except NobsError as error:
        tell(f"{error.message} See `lms ps` for what is loaded.")
        return
    if setup.loaded is not None and setup.loaded in now:
        _undo(setup, tell, "unload", setup.loaded)
    for identifier in before.keys() - now:
        _undo(setup, tell, "load", *_as_before(before[identifier]))


def _as_before(instance: Instance) -> list[str]:
    options = [instance.key, "--identifier", instance.identifier, "--yes"]
    if instance.context_length is not None:
        options += ["--context-length", str(instance.context_length)]
    return options


def _stop_daemon(setup: Setup, tell: Tell) -> None:
    """End LM Studio if it was woken up for us; a window of the app can't be closed from here."""
    now = daemon_status(setup.lms)
    if now.get("isDaemon") is True:
        _undo(setup, tell, "daemon", "down")
    elif now.get("status") == "running":
        tell("LM Studio was started for this run and is still open: close its window.")
