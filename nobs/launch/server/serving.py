"""Prepares the server of a run's LLM before the run and restores it afterwards."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from nobs.catalog import Catalog
from nobs.errors import NobsError
from nobs.launch.output import OnEvent
from nobs.launch.planning.connection import resolve_connection
from nobs.launch.planning.facts import listens
from nobs.launch.planning.plan import Plan
from nobs.launch.planning.request import RunRequest
from nobs.launch.planning.server import is_served, needs_server
from nobs.launch.server.locality import find_locality
from nobs.launch.server.relay import relaying
from nobs.log import Event
from nobs.providers import PROVIDERS
from nobs.providers.base import ServedModel
from nobs.report.finish import empty_result
from nobs.schema.result import Failure
from nobs.schema.server import Connection, ServerRef, ServerRequest
from nobs.schema.spec import RunSpec, StepSpec
from nobs.settings import in_container, llm_api_key, llm_base_url
from nobs.storage.rundir import RunDir
from nobs.system.hosts import is_loopback
from nobs.tasks import TASKS
from nobs.tasks.options import PROVIDER, SERVER_URL
from nobs.tasks.parameters import typed


@dataclass(frozen=True, kw_only=True)
class ServedPlan:
    """A plan whose server answers, or the error why it doesn't."""

    plan: Plan
    on_event: OnEvent
    """Takes the run's events; ends the server with the last step that needs it."""
    error: NobsError | None = None


@contextmanager
def serve(plan: Plan, steps: Sequence[StepSpec], on_event: OnEvent) -> Iterator[ServedPlan]:
    """Keep the server usable, also from the plan's container, while `steps` need it.

    A loaded model would take memory from the steps after them. A missing server is raised only
    if every step needs it: otherwise the other steps run. Where all of them start it by themselves,
    a server of ours ends before them: what it has mapped stays in memory.
    """
    request = plan.spec.server_request
    served_steps = [step for step in steps if is_served(plan.spec.workload_of(step))]
    container = plan.container.without_socket() if plan.container else None
    result = ServedPlan(plan=replace(plan, container=container), on_event=on_event)
    with ExitStack() as stack:
        if request is not None and served_steps:
            works = [typed(plan.spec.workload_of(step)) for step in served_steps]
            restarts = all(TASKS.load(work.task).restarts_server(work.params) for work in works)
            try:
                prepared = _prepared(plan, request, on_event, restarts=restarts)
                served_plan = stack.enter_context(prepared)
                closing = _closing(stack, served_steps, on_event)
                result = ServedPlan(plan=served_plan, on_event=closing)
            except NobsError as error:
                if len(served_steps) == len(steps):
                    raise
                result = replace(result, error=error)
        yield result


def _closing(stack: ExitStack, steps: Sequence[StepSpec], on_event: OnEvent) -> OnEvent:
    """Return `on_event` that closes the stack once every one of `steps` has ended."""
    left = {step.id for step in steps}

    def close_after_last(event: Event) -> None:
        on_event(event)
        if event["event"] == "step.finished" and left:
            left.discard(event["step"])
            if not left:
                stack.close()

    return close_after_last


@contextmanager
def _prepared(
    plan: Plan, request: ServerRequest, on_event: OnEvent, *, restarts: bool
) -> Iterator[Plan]:
    """Yield the plan with the connection of the worker."""

    def on_progress(line: str) -> None:
        on_event({"event": "server.progress", "text": line})

    connection = plan.connection and plan.connection.with_key(llm_api_key())
    provider = _find_provider(request, connection)
    request = request.at(provider)
    with ExitStack() as stack:
        opened = PROVIDERS.load(provider).open(request, connection, on_progress)
        served = stack.enter_context(opened)
        route = plan.route
        if route and route.socket_dir and plan.container:
            owner = plan.container.uid, plan.container.gid
            host, port = served.connection.host, served.connection.port
            stack.enter_context(relaying(route.socket_dir, host, port, owner))
        connection = route.apply(served.connection) if route else served.connection
        server = _reference(provider, request, served, connection)
        if restarts:
            _check_restarts(server, served.connection)
            if plan.connection is None:
                stack.close()
        update = {"server": server, "connection": connection}
        yield replace(plan, spec=plan.spec.model_copy(update=update))


def _check_restarts(server: ServerRef, connection: Connection) -> None:
    """Raise UsageError, before anything is measured, if NOBS may not start or load it."""
    # Imports the openai client.
    from nobs.providers.cold import find_cold_server  # noqa: PLC0415

    find_cold_server(server, connection)


def _find_provider(request: ServerRequest, connection: Connection | None) -> str:
    """Return the named provider; a server of no special kind is asked what it is.

    It may be one that says more of its model, such as where it computes.
    """
    if request.provider not in (None, "openai") or connection is None:
        return request.provider or "openai"
    # Imports the openai client.
    from nobs.providers.detection import detect_provider  # noqa: PLC0415

    return detect_provider(connection)


def _reference(
    provider: str, request: ServerRequest, served: ServedModel, connection: Connection
) -> ServerRef:
    locality, reason = find_locality(served)
    return ServerRef(
        provider=provider,
        base_url=connection.base_url,
        socket=connection.socket,
        model=served.model,
        locality=locality,
        locality_reason=reason,
        setup=request.setup,
        request_timeout_s=connection.request_timeout_s,
        identity=served.identity,
        request=served.request,
    )


def record_absent(run_dir: RunDir, spec: RunSpec, error: NobsError) -> None:
    """Record why the server is missing as the result of the steps that need it."""
    failure = Failure.of(error)
    for step in spec.steps:
        if is_served(spec.workload_of(step)) and run_dir.find_result(step.id) is None:
            result = empty_result(spec, step, datetime.now(UTC), failure)
            run_dir.write(run_dir.result_file(step.id), result)


def find_absent_server(request: RunRequest, catalog: Catalog) -> str | None:
    """Return the URL on this machine where a server is needed and none answers."""
    tasks = request.tasks or catalog.tasks(request.profile)
    if not any(needs_server(catalog.workload(task, request.profile)) for task in tasks):
        return None
    options = request.options
    asked = ServerRequest(
        provider=PROVIDER.get(options), url=SERVER_URL.get(options) or llm_base_url()
    )
    connection = resolve_connection(asked, in_container=in_container())
    is_absent = is_loopback(connection.host) and not listens(connection)
    return connection.base_url if is_absent else None
