"""Requests for vectors: in a closed loop, timed where bytes arrive, parsed after the last one."""

import base64
import binascii
import json
import math
import time
import zlib
from array import array
from asyncio import TaskGroup
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from nobs.providers.chat import JSON
from nobs.providers.embed import ROUTE, EmbedRequest
from nobs.schema.server import Connection
from nobs.tasks.chat.client.chat import ChatClient, connect_failure, post_bytes
from nobs.tasks.chat.client.exchange import End, Exchange
from nobs.tasks.chat.client.framing import MalformedResponse
from nobs.tasks.chat.client.record import ChatFailure
from nobs.tasks.chat.client.response import (
    Failed,
    body_reads,
    error_message,
    incomplete,
    read_head,
    status_error,
    text_of_body,
)
from nobs.tasks.chat.client.usage import Usage
from nobs.tasks.chat.client.wire import ConnectFailed
from nobs.tasks.chat.sending import Outcome, exchange, is_answered, open_clients
from nobs.tasks.served_embeddings.vectors import Answer, Fault, Vector

MAX_SILENT = 2
"""Requests without any answer, each a timeout long, after which a client sends no more."""
SPECIAL_TOKENS = 8
"""Tokens that a tokenizer may add to a text."""


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


class _Wrong(Exception):
    def __init__(self, fault: Fault, error: str) -> None:
        super().__init__(error)
        self.fault = fault


def answer_of(found: Exchange | ConnectFailed, texts: Sequence[str]) -> Answer:
    """Return the answer to a request with `texts`."""
    if isinstance(found, ConnectFailed):
        record = connect_failure(found)
        return Answer(failure=record.failure, error=record.error)
    ended_ns = found.stamps[-1] if found.stamps else found.ended_ns
    raw = Answer(sent_ns=found.sent_ns, ended_ns=ended_ns)
    try:
        status, value = _read(found)
    except Failed as failed:
        return replace(raw, failure=failed.failure, error=str(failed), status=_status_of(found))
    try:
        return _with_vectors(replace(raw, status=status), value, texts)
    except _Wrong as wrong:
        return replace(raw, status=status, failure=wrong.fault, error=str(wrong))


def _status_of(exchange: Exchange) -> int | None:
    try:
        return read_head(exchange).status
    except Failed:
        return None


def _read(exchange: Exchange) -> tuple[int, Mapping[str, Any]]:
    """Return the status and the JSON object of a successful response; raise Failed."""
    head = read_head(exchange)
    try:
        reads = list(body_reads(exchange, head))
    except (MalformedResponse, zlib.error) as error:
        raise Failed(ChatFailure.MALFORMED, str(error)) from error
    if head.status // 100 != 2:
        raise status_error(head, reads)
    is_whole = exchange.end is End.COMPLETE or (exchange.end is End.CLOSED and head.ends_by_close)
    if not is_whole:
        raise incomplete(exchange)
    text = text_of_body(reads)
    if (message := error_message(text)) is not None:
        raise Failed(ChatFailure.SERVER_ERROR, message)
    try:
        value = json.loads(b"".join(data for _, data in reads))
    except (ValueError, RecursionError) as error:
        said = f"{head.content_type or 'no content type'} instead of JSON: {text[:80]!r}"
        raise Failed(ChatFailure.MALFORMED, said) from error
    if not isinstance(value, dict):
        raise Failed(ChatFailure.MALFORMED, f"no JSON object: {text[:80]!r}")
    return head.status, value


def _with_vectors(raw: Answer, value: Mapping[str, Any], texts: Sequence[str]) -> Answer:
    data = value.get("data")
    entries = [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []
    if len(entries) != len(texts):
        raise _Wrong(Fault.COUNT, f"{len(entries)} vectors for {len(texts)} texts")
    order = _order_of(entries)
    in_order = sorted(range(len(entries)), key=order.__getitem__)
    vectors = tuple(_vector_of(entries[place].get("embedding")) for place in in_order)
    if len(set(map(len, vectors))) > 1:
        raise _Wrong(Fault.DIMENSION, f"vectors of {sorted(set(map(len, vectors)))} values")
    model = value.get("model")
    return replace(
        raw,
        vectors=vectors,
        tokens=_tokens_of(value, texts),
        model=model if isinstance(model, str) else None,
        is_reordered=in_order != list(range(len(entries))),
        has_index="index" in entries[0],
        is_base64=isinstance(entries[0].get("embedding"), str),
    )


def _order_of(entries: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the number of the text of each entry."""
    indexes = [entry.get("index") for entry in entries]
    if all(index is None for index in indexes):
        return list(range(len(entries)))
    found = [index for index in indexes if type(index) is int]
    if sorted(found) != list(range(len(entries))):
        raise _Wrong(Fault.INDEX, f"the indexes of {len(entries)} vectors are {indexes[:8]}")
    return found


def _vector_of(value: object) -> Vector:
    vector = _from_base64(value) if isinstance(value, str) else _from_list(value)
    square = math.sumprod(vector, vector)
    if not math.isfinite(square):
        raise _Wrong(Fault.NOT_FINITE, "a vector has values that aren't finite")
    if square == 0:
        raise _Wrong(Fault.ZERO, "a vector has only zeros")
    return vector


def _from_list(value: object) -> Vector:
    if not isinstance(value, list):
        raise _Wrong(Fault.NOT_NUMBERS, f"a vector is {value!r:.40}")
    if None in value:
        raise _Wrong(Fault.NOT_FINITE, "a vector has null in place of a number")
    try:
        return array("d", value)
    except (TypeError, OverflowError) as error:
        raise _Wrong(Fault.NOT_NUMBERS, f"a vector holds more than numbers: {error}") from error


def _from_base64(value: str) -> Vector:
    """Read 32-bit floats, little-endian, as of OpenAI."""
    try:
        floats = array("f", base64.b64decode(value, validate=True))
    except (ValueError, binascii.Error) as error:
        raise _Wrong(Fault.NOT_NUMBERS, f"a vector is a text, {value[:40]!r}") from error
    return array("d", floats)


def _tokens_of(value: Mapping[str, Any], texts: Sequence[str]) -> int | None:
    """Return the count of the server's usage; None if it can't be that of the texts."""
    found, usage = value.get("usage"), Usage()
    if isinstance(found, dict):
        usage.take(found)
    tokens = usage.prompt or usage.total
    size = sum(len(text.encode()) + SPECIAL_TOKENS for text in texts)
    return tokens if tokens and len(texts) <= tokens <= size else None
