"""The server of a run's LLM, and the tasks of a run without one."""

from collections.abc import Iterable, Mapping
from typing import Any

from nobs.errors import UsageError
from nobs.launch.planning.facts import Facts
from nobs.launch.planning.options import has_own_options
from nobs.launch.planning.random_weights import takes_weights, wants_random
from nobs.launch.planning.request import RunRequest
from nobs.providers.definitions import EMBEDDED, LMSTUDIO
from nobs.providers.weights import own_file, packaged_pins
from nobs.schema.device import DeviceRef
from nobs.schema.pins import ModelPin, Source, Workload
from nobs.schema.server import DEFAULT_REQUEST_TIMEOUT_S, Api, Connection, ServerRequest
from nobs.settings import DEFAULT_LLM_BASE_URL, DEFAULT_LLM_MODEL_NAME
from nobs.tasks import TASKS
from nobs.tasks.options import PROVIDER, REQUEST_TIMEOUT, SERVER_MODEL, SERVER_URL, SETUP_LM_STUDIO
from nobs.tasks.parameters import typed
from nobs.text import join_words

_NO_SERVER = (
    f"no server answers at {DEFAULT_LLM_BASE_URL}; start LM Studio's, or use one with --llm-url"
)
_NO_RANDOM = "it doesn't take --weights random; name it with --task to run it"
_NOT_EMBEDDED = (
    "its server isn't installed; install nobs[bench,quick], or use another one with --llm-url"
)


def _api_of(workload: Workload) -> Api:
    """Return what the model of `workload` is asked for."""
    return TASKS.load(workload.task).api


def is_served(workload: Workload) -> bool:
    """Return whether a server answers for the models of `workload`."""
    return any(model.source is Source.SERVER for model in workload.models)


def refuse_server_devices(device: DeviceRef | None, pinned: Iterable[Workload]) -> None:
    """Raise UsageError if a device was chosen for a task whose server chooses its own."""
    served = [work.task for work in pinned if is_served(work)]
    if device is not None and served:
        raise UsageError(
            f"--device {device.name} doesn't apply to {join_words(served)}: a server computes, on "
            "the devices that it was started with.",
            "Choose the device when you start the server (CUDA_VISIBLE_DEVICES,"
            " HIP_VISIBLE_DEVICES) and omit --device, or select other tasks with --task.",
        )


def choose_tasks(
    request: RunRequest, pinned: Mapping[str, Workload], facts: Facts
) -> tuple[tuple[str, ...], list[str]]:
    """Return the tasks of `pinned` that can be run, and why the others can't.

    A task is left out only if it wasn't named and no option is for this task alone: without its
    server, unless LLM_BASE_URL is set, and where random weights are wanted, which it doesn't take.
    """
    tasks, notes = _choose_served(request, pinned, facts)
    if request.tasks:
        return tasks, notes
    if wants_random(request):
        found = {task: None if takes_weights(task) else _NO_RANDOM for task in tasks}
    elif facts.llm_base_url:
        return tasks, notes
    else:
        found = {task: _absence(pinned[task], facts) for task in tasks}
    absent = {
        task: why
        for task, why in found.items()
        if why and not has_own_options(task, request, _without_other_served(task, pinned, tasks))
    }
    there = tuple(task for task in tasks if task not in absent)
    return there or tasks, [*(f"without {task}: {why}" for task, why in absent.items()), *notes]


def _without_other_served(
    task: str, pinned: Mapping[str, Workload], tasks: Iterable[str]
) -> tuple[str, ...]:
    """Return `tasks` with one served task at most: several share the options of a server."""
    return tuple(each for each in tasks if each == task or not is_served(pinned[each]))


def _choose_served(
    request: RunRequest, pinned: Mapping[str, Workload], facts: Facts
) -> tuple[tuple[str, ...], list[str]]:
    """Return the tasks that the one model of a run serves.

    Those are all if NOBS's own server has their models, or the user named them and their model is
    the same. Else it is the task with options of its own, or the first one: one model rarely fits.
    """
    tasks = tuple(pinned)
    served = [task for task in tasks if is_served(pinned[task])]
    models = {(_api_of(pinned[task]), _model_name(request, facts, pinned[task])) for task in served}
    are_chosen = bool(request.tasks) or all(_is_embedded(request, pinned[task]) for task in served)
    if len(served) <= 1 or (are_chosen and len(models) == 1):
        return tasks, []
    own = [task for task in served if has_own_options(task, request, tasks)]
    if request.tasks or len(own) > 1:
        names = join_words(own if len(own) > 1 else served)
        raise UsageError(
            f"{names} measure different models, but a run uses one server with one model.",
            f"Run them one after the other, as in --task {served[0]}, or name one --llm-model.",
        )
    others = [task for task in served if task != (own or served)[0]]
    notes = [
        f"without {task}: a run uses one server with one model; measure it with --task {task}"
        for task in others
    ]
    return tuple(task for task in tasks if task not in others), notes


def _absence(workload: Workload, facts: Facts) -> str | None:
    """Return why nothing can answer for `workload`, None if something may."""
    if not is_served(workload):
        return None
    if needs_server(workload):
        return _NO_SERVER if facts.default_server_answers is False else None
    return None if _api_of(workload) in facts.embedded_servers else _NOT_EMBEDDED


def served_model(request: RunRequest, facts: Facts, pinned: Workload) -> ModelPin:
    """Return the requested model: the pinned one unless the user named another."""
    (pin,) = pinned.models
    name = _model_name(request, facts, pinned)
    if _is_embedded(request, pinned) and (file := own_file(name)) is not None:
        name = file.stem
    return pin if name in (None, pin.id) else ModelPin(id=str(name), source=Source.SERVER)


def request_server(
    request: RunRequest,
    facts: Facts,
    pinned: Workload,
    chosen: Workload,
    served_names: Mapping[str, Mapping[str, str]],
) -> ServerRequest:
    """Return the server request for `chosen`, the requested form of `pinned`.

    `served_names` are the names of models by provider, which count where the user named none.
    """
    options, api = request.options, _api_of(pinned)
    is_embedded = _is_embedded(request, pinned)
    if is_embedded:
        _check_embedded(SERVER_MODEL.get(options) or pinned.models[0].id, api)
    setup = bool(SETUP_LM_STUDIO.get(options))
    named = PROVIDER.get(options) or (LMSTUDIO.name if setup else None)
    model = _model_name(request, facts, pinned)
    is_named = SERVER_MODEL.get(options) or (api is Api.CHAT and facts.llm_model_name)
    return ServerRequest(
        api=api,
        provider=EMBEDDED[api] if is_embedded else named,
        url=None if is_embedded else SERVER_URL.get(options) or facts.llm_base_url,
        model=model,
        names={} if is_named else dict(served_names.get(model or "", {})),
        setup=setup,
        parallel=TASKS.load(chosen.task).parallel_requests(typed(chosen).params),
        request_timeout_s=REQUEST_TIMEOUT.get(options) or DEFAULT_REQUEST_TIMEOUT_S,
    )


def describe_server(request: ServerRequest, connection: Connection | None) -> dict[str, Any]:
    """Return what a dry run prints of the server."""
    url = connection.base_url if connection else None
    where = f"at {url}" if url else "started for the run"
    named = f"{request.provider} " if request.provider else ""
    text = f"{named}{where}, model {request.at(request.provider).model or 'included'}"
    return {**request.model_dump(), "base_url": url, "text": text}


def needs_server(workload: Workload) -> bool:
    """Return whether a server must be there: an embedded one is started for the run."""
    return any(m.source is Source.SERVER and m.package is None for m in workload.models)


def _is_embedded(request: RunRequest, pinned: Workload) -> bool:
    url, provider = SERVER_URL.get(request.options), PROVIDER.get(request.options)
    if provider is not None:
        return provider == EMBEDDED[_api_of(pinned)] and url is None
    is_named = url is not None or SETUP_LM_STUDIO.get(request.options)
    return not needs_server(pinned) and not is_named


def _check_embedded(model: str, api: Api) -> None:
    """Raise UsageError for a model that the embedded server doesn't have."""
    names = [pin.id for pin in packaged_pins(api)]
    if api is Api.CHAT and (file := own_file(model)) is not None:
        if file.is_file():
            return
        raise UsageError(f"There is no file {file}.", "Name a GGUF file with --llm-model.")
    if model not in names:
        raise UsageError(
            f"The server that NOBS starts has {' and '.join(names)} only, not {model}.",
            "Name a GGUF file with --llm-model, use a server with --llm-url, or --profile quick"
            " without --llm-model.",
        )


def _model_name(request: RunRequest, facts: Facts, pinned: Workload) -> str | None:
    """Return the requested model name; None means the embedded server's own model."""
    named = SERVER_MODEL.get(request.options)
    if named or _is_embedded(request, pinned):
        return named
    if _api_of(pinned) is not Api.CHAT:
        # The variable and its default name an LLM.
        return pinned.models[0].id
    default = pinned.models[0].id if needs_server(pinned) else DEFAULT_LLM_MODEL_NAME
    return facts.llm_model_name or default
