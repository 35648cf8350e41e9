"""The server of a run's LLM: made usable before the run, left as it was found after it."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

from nobs.catalog import Catalog
from nobs.errors import NobsError
from nobs.launch.engine.endpoint import Way, socket_dir, split_url
from nobs.launch.output import OnEvent
from nobs.launch.planning.facts import listens
from nobs.launch.planning.plan import Plan, route_of
from nobs.launch.planning.request import RunRequest
from nobs.launch.planning.server import ServerOrder, is_served, needs_server
from nobs.launch.server.locality import find_locality
from nobs.launch.server.relay import relaying
from nobs.log import Event
from nobs.providers import PROVIDERS
from nobs.providers.base import Access, Tell, Wanted
from nobs.report.finish import empty_result
from nobs.schema.result import Failure
from nobs.schema.server import ServerRef
from nobs.schema.spec import RunSpec, StepSpec
from nobs.settings import DEFAULT_LLM_BASE_URL, llm_api_key, llm_base_url
from nobs.storage.rundir import RunDir
from nobs.system.hosts import is_loopback
from nobs.tasks.options import SERVER_URL


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A plan whose server answers, or the error that tells why it doesn't."""

    plan: Plan
    on_event: OnEvent
    """Takes the run's events; ends the server with the last step that needs it."""
    error: NobsError | None = None


@contextmanager
def serve(plan: Plan, steps: Sequence[StepSpec], on_event: OnEvent) -> Iterator[Ready]:
    """Have the server answer, also in the plan's container, for as long as `steps` need it.

    A loaded model would take memory from the steps after them. The server's absence is raised only
    where no step can do without it: the others go on.
    """
    needy = [step for step in steps if is_served(plan.spec.workload_of(step))]
    with ExitStack() as stack:
        ready = Ready(plan=_without_server(plan), on_event=on_event)
        if plan.server is not None and needy:
            try:
                server = stack.enter_context(_open(plan.server, _teller(on_event)))
                reached = stack.enter_context(_reached(plan, server))
                ready = Ready(plan=reached, on_event=_closing(stack, needy, on_event))
            except NobsError as error:
                if len(needy) == len(steps):
                    raise
                ready = replace(ready, error=error)
        yield ready


def _closing(stack: ExitStack, needy: Sequence[StepSpec], on_event: OnEvent) -> OnEvent:
    """Return `on_event` that closes the stack once every one of the `needy` steps has ended."""
    left = {step.id for step in needy}

    def hear(event: Event) -> None:
        on_event(event)
        if event["event"] == "step.finished" and left:
            left.discard(event["step"])
            if not left:
                stack.close()

    return hear


def _without_server(plan: Plan) -> Plan:
    """Return the plan of the steps that need none: no socket is there to be mounted."""
    return replace(plan, container=plan.container.without_socket() if plan.container else None)


@contextmanager
def _reached(plan: Plan, server: ServerRef) -> Iterator[Plan]:
    """Yield the plan with `server` as its worker reaches it."""
    spec = plan.spec.model_copy(update={"server": server})
    container, engine = plan.container, plan.engine
    route = route_of(spec, engine) if container and engine else None
    if container is None or engine is None or route is None:
        yield replace(plan, spec=spec)
        return
    update = {"base_url": route.base_url, "socket": route.socket}
    routed = replace(
        plan, spec=spec.model_copy(update={"server": server.model_copy(update=update)})
    )
    if route.way is not Way.RELAY:
        yield routed
        return
    owner = container.uid, container.gid
    with relaying(socket_dir(plan.run_path, engine), route.host, route.port, owner):
        yield routed


def record_absent(run_dir: RunDir, spec: RunSpec, error: NobsError) -> None:
    """Give the steps that need the server the reason why it isn't there."""
    failure = Failure(
        failure_class=error.failure_class, type=type(error).__name__,
        message=error.message, remedy=error.remedy,
    )  # fmt: skip
    for step in spec.steps:
        if is_served(spec.workload_of(step)) and run_dir.find_result(step.id) is None:
            result = empty_result(spec, step, datetime.now(UTC), failure)
            run_dir.write(run_dir.result_file(step.id), result)


def find_absent_server(request: RunRequest, catalog: Catalog) -> str | None:
    """Return the URL on this machine where a server is needed and none answers."""
    tasks = request.tasks or catalog.tasks(request.profile)
    workloads = [catalog.workload(task, request.profile) for task in tasks]
    if not any(map(needs_server, workloads)):
        return None
    url = SERVER_URL.get(request.options) or llm_base_url() or DEFAULT_LLM_BASE_URL
    is_here = is_loopback(split_url(url).hostname or "")
    return url if is_here and not listens(url) else None


@contextmanager
def _open(order: ServerOrder, tell: Tell) -> Iterator[ServerRef]:
    wanted = Wanted(
        base_url=order.base_url,
        api_key=llm_api_key(),
        model=order.model,
        setup=order.setup,
        parallel=order.parallel,
        wait_s=order.max_wait_s,
    )
    provider = _find_provider(order, wanted)
    with PROVIDERS.load(provider).open(wanted, tell) as served:
        locality, reason = find_locality(served)
        yield ServerRef(
            provider=provider,
            base_url=_without_user(served.access.base_url),
            model=served.model,
            locality=locality,
            locality_reason=reason,
            setup=order.setup,
            max_wait_s=order.max_wait_s,
            identity=served.identity,
            request=served.request,
        )


def _find_provider(order: ServerOrder, wanted: Wanted) -> str:
    """Return the named provider; ask the server what it is where no kind of server was named."""
    if not order.is_guess or wanted.base_url is None:
        return order.provider
    # Only here, and in what opens a provider, the openai client comes along.
    from nobs.providers.detection import detect_provider  # noqa: PLC0415

    return detect_provider(Access(base_url=wanted.base_url, api_key=wanted.api_key))


def _teller(on_event: OnEvent) -> Tell:
    def tell(line: str) -> None:
        on_event({"event": "server.told", "text": line})

    return tell


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
