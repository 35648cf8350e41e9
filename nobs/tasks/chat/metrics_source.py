"""Read a server's `/metrics` over a connection of its own, within bounds of bytes and time."""

from nobs.schema.server import Connection
from nobs.tasks.chat.client.chat import get_bytes, path_of
from nobs.tasks.chat.client.exchange import End, Limits
from nobs.tasks.chat.client.framing import MalformedResponse, body_of, parse_head
from nobs.tasks.chat.client.wire import ConnectFailed, KeepAlive
from nobs.tasks.chat.metrics import Values, has_known_names, read_start, read_values

LIMITS = Limits(connect_s=2.0, first_byte_s=5.0, idle_s=5.0, total_s=5.0, max_bytes=8_000_000)
OK = 200


class NoMetrics(Exception):
    """A read gave no metrics; the message says why."""


class MetricsSource:
    """One keep-alive connection to the metrics of a server."""

    def __init__(self, connection: Connection, model: str, limits: Limits = LIMITS) -> None:
        self._http = KeepAlive(connection, limits)
        # Metrics stand beside the routes of OpenAI's API.
        path = f"{path_of(connection).removesuffix('/v1')}/metrics"
        self._request = get_bytes(connection, path, Accept="text/plain")
        self._model = model

    async def read(self) -> Values:
        """Return the metrics of now; raise NoMetrics."""
        text = await self.read_text()
        values = read_values(text, self._model)
        if values is None and has_known_names(text):
            raise NoMetrics("/metrics has known names without a usable value")
        if values is None:
            raise NoMetrics("/metrics has none of the known metrics")
        return values

    async def read_text(self) -> bytes:
        """Return the whole page; raise NoMetrics."""
        try:
            exchange = await self._http.exchange(self._request)
        except ConnectFailed as failed:
            raise NoMetrics(str(failed)) from failed
        if exchange.end is not End.COMPLETE:
            raise NoMetrics(f"/metrics: {exchange.end.replace('_', ' ')}")
        return _body(b"".join(exchange.chunks))

    def close(self) -> None:
        """Drop the connection."""
        self._http.close()


async def read_server_start(connection: Connection, limits: Limits = LIMITS) -> float | None:
    """Return when the server's process started, in seconds since 1970; None if it isn't known."""
    source = MetricsSource(connection, "", limits)
    try:
        return read_start(await source.read_text())
    except NoMetrics:
        return None
    finally:
        source.close()


def _body(response: bytes) -> bytes:
    """Return the body of a good answer; raise NoMetrics."""
    try:
        head = parse_head(response)
        if head is None:
            raise NoMetrics("/metrics: no HTTP response")
        if head.status != OK:
            raise NoMetrics(f"/metrics: HTTP {head.status}")
        return body_of(head).feed(response[head.size :])
    except MalformedResponse as error:
        raise NoMetrics(f"/metrics: {error}") from error
