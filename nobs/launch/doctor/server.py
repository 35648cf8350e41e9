"""The check of the LLM server: whether it can be used, for what, and from where."""

from collections.abc import Sequence

from nobs.launch.doctor.check import Check
from nobs.launch.planning.connection import resolve_connection
from nobs.launch.planning.facts import listens
from nobs.providers.base import OnProgress
from nobs.schema.server import Api, Connection, ServerRequest
from nobs.settings import in_container, llm_api_key, llm_base_url, llm_model_name
from nobs.system.hosts import is_loopback, own_addresses

NAME = "llm server"


def server_to_check(url: str | None, model: str | None) -> ServerRequest:
    """Return the named server and model; the settings are the defaults."""
    return ServerRequest(url=url or llm_base_url(), model=model or llm_model_name())


def check_server(request: ServerRequest, apis: Sequence[Api], on_progress: OnProgress) -> Check:
    """Check that the model answers; otherwise return the cause and what to do.

    It is asked for the first of `apis`, which tasks declare, and for the next one only if it
    doesn't serve that. A server that nobody named may be missing: not every task needs one.
    UsageError for a bad URL.
    """
    # Only this check needs the openai client.
    from nobs.providers import PROVIDERS  # noqa: PLC0415
    from nobs.providers.detection import detect_provider  # noqa: PLC0415
    from nobs.providers.diagnosis import ServerUnusable  # noqa: PLC0415
    from nobs.providers.readiness import ONCE, wait_until_ready  # noqa: PLC0415

    connection = resolve_connection(request, in_container=in_container())
    connection = connection.with_key(llm_api_key())
    provider = PROVIDERS.load(detect_provider(connection))
    first: ServerUnusable | None = None
    for api in apis:
        try:
            served = wait_until_ready(
                connection, request.model, provider, on_progress, ONCE, api=api
            )
        except ServerUnusable as error:
            first = first or error
            if not error.finding.is_of_the_api:
                break
            continue
        what = f"vectors of {served.model}" if api is Api.EMBED else served.model
        facts = [f"{provider.title} at {connection.base_url} answers with {what}"]
        if first:
            facts.append(f"it doesn't serve {apis[0]} ({first.finding.detail})")
        if served.elsewhere:
            facts.append(served.elsewhere.reason.rstrip("."))
        found = "; ".join([*facts, *served.request.deviations])
        return Check.ok(NAME, found + _reach(connection))
    if first is None:
        return Check.skip(NAME, "no task needs a server")
    return Check.missing(NAME, first.message, first.remedy, needed=request.url is not None)


def _reach(connection: Connection) -> str:
    """Return whether containers of Docker Compose, which have no relay, reach the server."""
    if not is_loopback(connection.host):
        return ""
    others = (address for address in own_addresses() if not is_loopback(str(address)))
    urls = (f"http://{each}:{connection.port}" for each in others if each.version == 4)
    if any(listens(Connection(base_url=url)) for url in urls):
        return "; it listens on other addresses of this machine too"
    return (
        "; it listens on loopback only: `nobs run` relays to it, but Docker Compose can't reach it "
        f"(LM Studio: `lms server start --port {connection.port} --bind 0.0.0.0`)"
    )
