"""Timing error of the client, on a loopback stream whose server records its send times."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import fmean

from nobs.errors import HostApiError
from nobs.providers.chat import ChatRequest
from nobs.schema.server import Connection
from nobs.system.child import child
from nobs.system.descriptors import TooFewFiles, raise_file_limit
from nobs.tasks.chat.client.chat import chat_client
from nobs.tasks.chat.client.exchange import Exchange, Limits
from nobs.tasks.chat.client.figures import record_of
from nobs.tasks.chat.client.record import ChatRecord, ClientAccuracy

TTFT_MS = 50.0
GAP_MS = 5.0
TOKENS = 100
WARM_UP = "1-1-20"
LIMITS = Limits(connect_s=5, first_byte_s=5, idle_s=5, total_s=10)
_END_S = 30.0
_SERVER = "nobs.tasks.chat.client.truth"

type Seen = tuple[int, Sequence[int]]
"""When a request went out and when each token came in, in ns, by the client."""
type Sent = Sequence[int]
"""When a request had come in and when each token went out, in ns, by the server."""


def timing_error(pairs: Sequence[tuple[Seen, Sent]]) -> ClientAccuracy:
    """Return the errors of the client's times, means over `pairs`.

    The server's TTFT is from the complete request. Raise ValueError where a token is missing.
    """
    delays = sorted(
        stamp - sent
        for (_, stamps), (_, *all_sent) in pairs
        for stamp, sent in zip(stamps, all_sent, strict=True)
    )
    ttft = [(stamps[0] - t0) - (sent[1] - sent[0]) for (t0, stamps), sent in pairs]
    gaps = [(stamps[-1] - stamps[0]) / (sent[-1] - sent[1]) - 1 for (_, stamps), sent in pairs]
    return ClientAccuracy(
        requests=len(pairs),
        tokens=len(delays),
        ttft_error_s=fmean(ttft) / 1e9,
        itl_error=fmean(gaps),
        delay_p99_s=delays[int(0.99 * (len(delays) - 1))] / 1e9,
    )


class LoopbackFailed(HostApiError):
    """The loopback stream with known send times failed."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The client can't measure its timing error: {reason}.",
            "Check that processes on this machine can connect to 127.0.0.1.",
        )


class TruthfulServer:
    """A server in a separate process that returns its log once, at the end."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self._process = process
        self.pid = process.pid
        self.url = url
        """Without a path; the path selects the schedule, as in `/50-5-100/v1`."""

    def finish(self) -> list[tuple[str, Sent]]:
        """Stop the server and return what it sent for each request, with the model's name."""
        output, _ = self._process.communicate(timeout=_END_S)
        return [(name, sent) for name, sent in json.loads(output)]


@contextmanager
def truthful_server(connections: int = 256) -> Iterator[TruthfulServer]:
    """Serve up to `connections` from a child process, which ends with this block.

    TooFewFiles if the limit of open files is lower. Each process has its own limit, and this one
    needs as many connections as its child.
    """
    raise_file_limit(connections)
    with socket.create_server(("127.0.0.1", 0), backlog=connections) as listener:
        command = [sys.executable, "-m", _SERVER, str(listener.fileno()), str(connections)]
        with child(
            command, own_session=False, stdin=subprocess.PIPE, pass_fds=[listener.fileno()]
        ) as process:
            port = listener.getsockname()[1]
            listener.close()
            yield TruthfulServer(process, f"http://127.0.0.1:{port}")


def measure_own_error(streams: int = 1) -> ClientAccuracy:
    """Return the client's error on `streams` streams at once; takes about a second.

    The server is another process on the same machine and both read the same monotonic clock. Raise
    LoopbackFailed if that isn't possible.
    """
    try:
        with truthful_server(2 * streams) as server:
            seen = asyncio.run(_stream_all(server.url, streams))
            truth = dict(server.finish())
        return timing_error([(seen[name], truth[name]) for name in seen])
    except (
        OSError, ValueError, KeyError, HostApiError, TooFewFiles, subprocess.TimeoutExpired
    ) as error:  # fmt: skip
        raise LoopbackFailed(str(error)) from error


async def _stream_all(url: str, streams: int) -> dict[str, Seen]:
    """Run all streams concurrently on warm connections and parse them afterwards."""
    with ExitStack() as stack:

        async def ask_all(schedule: str, prefix: str) -> dict[str, Exchange]:
            connection = Connection(base_url=f"{url}/{schedule}/v1")
            names = [f"{prefix}{number}" for number in range(streams)]
            clients = [stack.enter_context(chat_client(connection, LIMITS)) for _ in names]
            await asyncio.gather(*(client.open() for client in clients))
            requests = [ChatRequest(model=name, messages=[]) for name in names]
            exchanges = [c.exchange(r) for c, r in zip(clients, requests, strict=True)]
            return dict(zip(names, await asyncio.gather(*exchanges), strict=True))

        await ask_all(WARM_UP, "warm-")
        exchanges = await ask_all(f"{TTFT_MS}-{GAP_MS}-{TOKENS}", "")
    return {name: seen_of(record_of(exchange)) for name, exchange in exchanges.items()}


def seen_of(record: ChatRecord) -> Seen:
    """Return the client's stamps of a request; raise LoopbackFailed if it failed."""
    if record.stamps is None or record.figures is None:
        raise LoopbackFailed(record.error)
    t0 = record.stamps.sent_at_ns
    return t0, [t0 + stamp for stamp in record.stamps.token_ns]
