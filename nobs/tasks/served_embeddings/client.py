"""Requests for vectors: in a closed loop, timed where bytes arrive, parsed after the last one."""

import time
from asyncio import TaskGroup
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from nobs.providers.chat import JSON
from nobs.providers.embed import ROUTE, EmbedRequest
from nobs.schema.server import Connection
from nobs.tasks.chat.client.chat import ChatClient, post_bytes
from nobs.tasks.chat.sending import Outcome, exchange, is_answered, open_clients
from nobs.tasks.served_embeddings.answer import answer_of
from nobs.tasks.served_embeddings.vectors import Answer

MAX_SILENT = 2
"""Requests without any answer, each a timeout long, after which a client sends no more."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The answers of one cell, and what sending cost."""

    answers: list[Answer | None]
    """In the order of the requests; None stands for one that wasn't sent."""
    cpu_share: float
    """CPU time of this process while it sent, over the time that took."""


def request_bytes(connection: Connection, request: EmbedRequest) -> bytes:
    """Return the whole HTTP request, ready before the clock starts."""
    return post_bytes(connection, ROUTE, request.body(), {"Accept": JSON})


async def send_all(
    connection: Connection, requests: Sequence[EmbedRequest], concurrency: int
) -> Sent:
    """Send `requests` with `concurrency` in flight, but no more once the server is silent."""
    ready = [request_bytes(connection, request) for request in requests]
    queue = iter(range(len(ready)))
    found: dict[int, Outcome] = {}
    with ExitStack() as stack:
        clients = await open_clients(stack, connection, min(concurrency, len(ready)))

        async def work(client: ChatClient) -> None:
            silent = 0
            while silent < MAX_SILENT and (number := next(queue, None)) is not None:
                found[number] = await exchange(client, ready[number])
                silent = 0 if is_answered(found[number]) else silent + 1

        start_s, cpu_s = time.perf_counter(), time.process_time()
        async with TaskGroup() as group:
            for client in clients:
                group.create_task(work(client))
        cpu_s, took_s = time.process_time() - cpu_s, time.perf_counter() - start_s
    answers = [
        answer_of(found[number], request.texts) if number in found else None
        for number, request in enumerate(requests)
    ]
    return Sent(answers=answers, cpu_share=cpu_s / took_s if took_s else 0.0)
