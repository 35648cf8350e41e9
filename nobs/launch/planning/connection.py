"""Where the requested server is."""

from nobs.launch.engine.route import by_host_name
from nobs.providers import PROVIDERS
from nobs.providers.definitions import EMBEDDED
from nobs.schema.server import Connection, ServerRequest
from nobs.settings import DEFAULT_LLM_BASE_URL
from nobs.system.hosts import is_loopback, parse_server_url


def is_embedded(request: ServerRequest) -> bool:
    """Return whether the server is started for the run, on a port that is known only then."""
    return request.provider == EMBEDDED[request.api] and request.url is None


def resolve_connection(request: ServerRequest, *, in_container: bool) -> Connection:
    """Return how this process reaches a server that is there; UsageError for a bad URL."""
    usual_url = PROVIDERS.load(request.provider).default_url if request.provider else None
    url = parse_server_url(request.url or usual_url or DEFAULT_LLM_BASE_URL).geturl()
    connection = Connection(base_url=url, request_timeout_s=request.request_timeout_s)
    is_host = in_container and is_loopback(connection.host)
    return by_host_name(connection) if is_host else connection
