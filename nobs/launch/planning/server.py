"""Which server a run asks for its LLM, as a value: what `--dry-run` prints and then is opened."""

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nobs.errors import UsageError
from nobs.launch.engine.endpoint import choose_route, split_url
from nobs.launch.planning.facts import Facts
from nobs.launch.planning.options import has_own_options
from nobs.launch.planning.request import RunRequest
from nobs.providers import EMBEDDED, PROVIDERS
from nobs.providers.weights import MODEL as EMBEDDED_MODEL
from nobs.schema.pins import ModelPin, Source, Workload
from nobs.schema.server import ServerRef
from nobs.schema.spec import RunSpec
from nobs.settings import DEFAULT_LLM_BASE_URL, DEFAULT_LLM_MODEL_NAME
from nobs.system.hosts import is_loopback
from nobs.tasks import TASKS
from nobs.tasks.options import PROVIDER, REQUEST_TIMEOUT, SERVER_MODEL, SERVER_URL, SETUP_LM_STUDIO
from nobs.tasks.parameters import typed

ANY_SERVER = "openai"
LM_STUDIO = "lmstudio"
DEFAULT_MAX_WAIT_S = 300.0
_NO_SERVER = (
    f"no server answers at {DEFAULT_LLM_BASE_URL}; start LM Studio's, or name one with --llm-url"
)
_NOT_EMBEDDED = (
    "its server isn't installed here; install the extra quick, or name a server with --llm-url"
)


@dataclass(frozen=True, kw_only=True)
class ServerOrder:
    """A provider and what it is asked for."""

    provider: str
    base_url: str | None
    """None of a server that is started for the run."""
    model: str | None
    """None means what the provider brings along."""
    setup: bool = False
    is_guess: bool = False
    """Whether the provider is one that may listen there, to be asked before use: what is named as
    any server may be one that can say more of its model, such as where it computes."""
    parallel: int | None = None
    """Requests at once for which a model that the run itself loads makes room."""
    max_wait_s: float = DEFAULT_MAX_WAIT_S

    def __str__(self) -> str:
        where = f" at {self.base_url}" if self.base_url else ", started for the run"
        return f"{self.provider}{where}, model {self.model or 'its own'}"

    def reference(self) -> ServerRef:
        """Return what the run's order says of the server until it answers."""
        return ServerRef(
            provider=self.provider,
            base_url=self.base_url or "",
            model=self.model or "",
            setup=self.setup,
            max_wait_s=self.max_wait_s,
        )


def order_again(spec: RunSpec) -> ServerOrder | None:
    """Return the order of a run that is resumed; an embedded server gets another address."""
    server = spec.server
    if server is None:
        return None
    is_embedded = server.provider == EMBEDDED
    served = (model for work in spec.workloads if is_served(work) for model in work.models)
    brings_model = any(model.package for model in served)
    return ServerOrder(
        provider=server.provider,
        base_url=None if is_embedded else server.base_url,
        model=None if is_embedded and brings_model else server.model,
        setup=server.setup,
        is_guess=server.provider == ANY_SERVER,
        parallel=_parallel(spec.workloads),
        max_wait_s=server.max_wait_s,
    )


def _parallel(workloads: Iterable[Workload]) -> int | None:
    """Return the most requests at once that `workloads` send, None where none names a number."""
    found = (TASKS.load(work.task).parallel_requests(work.params) for work in map(typed, workloads))
    return max((number for number in found if number), default=None)


def is_served(workload: Workload) -> bool:
    """Tell whether a server answers for the models of `workload`."""
    return any(model.source is Source.SERVER for model in workload.models)


def choose_tasks(
    request: RunRequest, pinned: Mapping[str, Workload], facts: Facts
) -> tuple[tuple[str, ...], list[str]]:
    """Return the tasks of `pinned` that can be run, and why the others can't.

    A task is left out only where nobody named it, LLM_BASE_URL names no server and no option is for
    this task alone: else the absence of its server is an error.
    """
    tasks = tuple(pinned)
    if request.tasks or facts.llm_base_url:
        return tasks, []
    found = {task: _absence(workload, facts) for task, workload in pinned.items()}
    absent = {
        task: why
        for task, why in found.items()
        if why and not has_own_options(task, request, tasks)
    }
    there = tuple(task for task in tasks if task not in absent)
    return there or tasks, [f"without {task}: {why}" for task, why in absent.items()]


def _absence(workload: Workload, facts: Facts) -> str | None:
    """Return why nothing can answer for `workload`, None if something may."""
    if not is_served(workload):
        return None
    if needs_server(workload):
        return _NO_SERVER if facts.default_server_answers is False else None
    return None if facts.embedded_server else _NOT_EMBEDDED


def served_model(request: RunRequest, facts: Facts, pinned: Workload) -> ModelPin:
    """Return the model to ask for: the pinned one unless the user named another."""
    (pin,) = pinned.models
    name = _model_name(request, facts, pinned)
    return pin if name in (None, pin.id) else ModelPin(id=str(name), source=Source.SERVER)


def order_server(
    request: RunRequest, facts: Facts, pinned: Workload, chosen: Workload
) -> ServerOrder:
    """Return the order for the model of `pinned`, of which `chosen` was made."""
    provider, setup = PROVIDER.get(request.options), bool(SETUP_LM_STUDIO.get(request.options))
    url = None if _is_embedded(request, pinned) else _base_url(request, facts)
    if url is None:
        _check_embedded(SERVER_MODEL.get(request.options) or pinned.models[0].id)
    return ServerOrder(
        provider=provider or (EMBEDDED if url is None else _provider_at(url, request)),
        base_url=_reached(url, facts) if url else None,
        model=_model_name(request, facts, pinned),
        setup=setup,
        parallel=_parallel([chosen]),
        is_guess=provider in {None, ANY_SERVER} and not setup,
        max_wait_s=REQUEST_TIMEOUT.get(request.options) or DEFAULT_MAX_WAIT_S,
    )


def needs_server(workload: Workload) -> bool:
    """Tell whether a server must be there: an embedded one is started for the run."""
    return any(m.source is Source.SERVER and m.package is None for m in workload.models)


def _is_embedded(request: RunRequest, pinned: Workload) -> bool:
    url, provider = SERVER_URL.get(request.options), PROVIDER.get(request.options)
    if provider is not None:
        return provider == EMBEDDED and url is None
    is_named = url is not None or SETUP_LM_STUDIO.get(request.options)
    return not needs_server(pinned) and not is_named


def _check_embedded(model: str) -> None:
    """Raise UsageError for a model that the embedded server doesn't bring along."""
    if model != EMBEDDED_MODEL:
        raise UsageError(
            f"The embedded llama.cpp serves {EMBEDDED_MODEL} only, not {model}.",
            "Name a server with --llm-url, or use --profile quick without --llm-model.",
        )


def _model_name(request: RunRequest, facts: Facts, pinned: Workload) -> str | None:
    """Return the name that a server is asked for; an embedded server brings its own model."""
    named = SERVER_MODEL.get(request.options)
    if named or _is_embedded(request, pinned):
        return named
    return facts.llm_model_name or DEFAULT_LLM_MODEL_NAME


def _base_url(request: RunRequest, facts: Facts) -> str:
    """Return where the server is: as named, else where the named provider's usually is."""
    if url := SERVER_URL.get(request.options):
        return url
    provider = PROVIDER.get(request.options)
    usual = PROVIDERS.load(provider).default_url if provider else None
    return facts.llm_base_url or usual or DEFAULT_LLM_BASE_URL


def _reached(url: str, facts: Facts) -> str:
    """Return the URL as this process reaches it; UsageError where it is none."""
    system, inside = platform.system(), facts.in_container
    return choose_route(url, None, platform=system, in_container=inside).base_url


def _provider_at(url: str, request: RunRequest) -> str:
    """Return the provider whose servers usually listen there, else the one for any server."""
    if SETUP_LM_STUDIO.get(request.options):
        return LM_STUDIO
    usual = {PROVIDERS.load(name).default_url: name for name in PROVIDERS}
    return next((name for known, name in usual.items() if known and _same(known, url)), ANY_SERVER)


def _same(left: str, right: str) -> bool:
    one, other = split_url(left), split_url(right)
    hosts = ["" if is_loopback(parts.hostname or "") else parts.hostname for parts in (one, other)]
    return hosts[0] == hosts[1] and one.port == other.port
