"""The clients side by side: each streams chats and returns (t0, token stamps) of every request.

A peer's token is stamped where its user sees it: after its own parsing of the chunk. Connections
are opened by the warm-up, and every client parses JSON, since only that tells a token from a role.
"""

import asyncio
import importlib.util
import json
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from benchmarks.llm_client.scenario import single_of, workers_of
from nobs.providers.chat import ChatRequest
from nobs.schema.server import Connection
from nobs.system.host import usable_cores
from nobs.tasks.chat.client.accuracy import Seen, seen_of
from nobs.tasks.chat.client.chat import ChatClient, chat_client, request_bytes
from nobs.tasks.chat.client.exchange import Exchange
from nobs.tasks.chat.client.figures import record_of
from nobs.tasks.chat.load import send_whole
from nobs.tasks.chat.sending import Part

MESSAGES = [{"role": "user", "content": "Hello"}]
now_ns = time.perf_counter_ns

type Ask[T] = Callable[[int, str], Awaitable[T]]
"""Send one request on connection number N, with this model name."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """Requests of one scenario: `names[i]` are sent one after the other on connection i."""

    url: str
    warm_up_url: str
    names: list[list[str]]
    limits: list[str] = field(default_factory=list)
    """How the client says that it was the limit, empty if it wasn't; from clients that tell."""


async def ask_all[T](load: Load, warm: Ask[T], ask: Ask[T]) -> dict[str, T]:
    """Warm every connection, then run all of them at once."""
    await asyncio.gather(*(warm(i, f"warm-{i}") for i in range(len(load.names))))
    results: dict[str, T] = {}

    async def one(connection: int) -> None:
        for name in load.names[connection]:
            results[name] = await ask(connection, name)

    await asyncio.gather(*(one(i) for i in range(len(load.names))))
    return results


async def nobs(load: Load) -> dict[str, Seen]:
    """Ours: the stamps of the reads, parsed after the last stream has ended."""
    with ExitStack() as stack:

        def clients(url: str) -> list[ChatClient]:
            connection = Connection(base_url=url)
            return [stack.enter_context(chat_client(connection)) for _ in load.names]

        warm, timed = clients(load.warm_up_url), clients(load.url)

        async def ask_warm(i: int, name: str) -> Exchange:
            await timed[i].open()
            return await warm[i].exchange(ChatRequest(model=name, messages=MESSAGES))

        async def ask(i: int, name: str) -> Exchange:
            return await timed[i].exchange(ChatRequest(model=name, messages=MESSAGES))

        exchanges = await ask_all(load, ask_warm, ask)
    return {name: seen_of(record_of(exchange)) for name, exchange in exchanges.items()}


async def send_load(load: Load, processes: int) -> dict[str, Seen]:
    """Ours as a load level is sent: the stamps of all processes, by one clock."""
    connection = Connection(base_url=load.url)
    names = [name for names in load.names for name in names]
    chats = [ChatRequest(model=name, messages=MESSAGES) for name in names]
    part = Part(
        connection=connection, requests=[request_bytes(connection, chat) for chat in chats],
        concurrency=len(load.names), times_s=None, settle_s=0.0,
    )  # fmt: skip
    sent = await send_whole(part, processes)
    latencies_s = [r.figures.total_latency_s for r in sent.records if r.figures]
    limit = sent.client.find_limit(median(latencies_s) if latencies_s else None)
    load.limits.append(limit or "")
    return {name: seen_of(record) for name, record in zip(names, sent.records, strict=True)}


def _is_token(line: bytes | str) -> bool:
    """Tell whether a line is an event with a token."""
    data = line[6:] if line[:5] in {b"data:", "data:"} else b""
    if not data.strip() or data.strip() in {b"[DONE]", "[DONE]"}:
        return False
    return bool(json.loads(data)["choices"][0]["delta"].get("content"))


def _body(name: str) -> dict[str, Any]:
    return {"model": name, "messages": MESSAGES, "stream": True, "max_tokens": 2048}


async def openai(load: Load) -> dict[str, Seen]:
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=load.url, api_key="x", max_retries=0) as client:

        async def ask_at(url: str, name: str) -> Seen:
            there = client.with_options(base_url=url)
            t0 = now_ns()
            stream = await there.chat.completions.create(**_body(name))
            return t0, [
                now_ns()
                async for chunk in stream
                if chunk.choices and chunk.choices[0].delta.content
            ]

        return await ask_all(
            load, lambda _, name: ask_at(load.warm_up_url, name), lambda _, n: ask_at(load.url, n)
        )


async def httpx2(load: Load) -> dict[str, Seen]:
    import httpx2

    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(httpx2.AsyncClient()) for _ in load.names]

        async def ask_at(url: str, i: int, name: str) -> Seen:
            t0 = now_ns()
            path = f"{url}/chat/completions"
            async with clients[i].stream("POST", path, json=_body(name), timeout=60) as response:
                stamps = [now_ns() async for line in response.aiter_lines() if _is_token(line)]
            return t0, stamps

        return await ask_all(
            load,
            lambda i, name: ask_at(load.warm_up_url, i, name),
            lambda i, name: ask_at(load.url, i, name),
        )


async def aiohttp(load: Load) -> dict[str, Seen]:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask_at(url: str, name: str) -> Seen:
            t0 = now_ns()
            path = f"{url}/chat/completions"
            async with session.post(path, json=_body(name)) as response:
                stamps = [now_ns() async for line in response.content if _is_token(line)]
            return t0, stamps

        return await ask_all(
            load, lambda _, name: ask_at(load.warm_up_url, name), lambda _, n: ask_at(load.url, n)
        )


async def aiohttp_late(load: Load) -> dict[str, Seen]:
    """aiohttp at its best: lines are stamped as they come and parsed after the run."""
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask_at(url: str, name: str) -> tuple[int, list[tuple[int, bytes]]]:
            t0 = now_ns()
            path = f"{url}/chat/completions"
            async with session.post(path, json=_body(name)) as response:
                return t0, [(now_ns(), line) async for line in response.content]

        lines = await ask_all(
            load, lambda _, name: ask_at(load.warm_up_url, name), lambda _, n: ask_at(load.url, n)
        )
    return {
        name: (t0, [stamp for stamp, line in stamped if _is_token(line)])
        for name, (t0, stamped) in lines.items()
    }


async def http_client(load: Load) -> dict[str, Seen]:
    """The standard library, a thread for each connection."""
    address = urlsplit(load.url)
    connections = [HTTPConnection(address.netloc, timeout=60) for _ in load.names]

    def ask(url: str, connection: HTTPConnection, name: str) -> Seen:
        body = json.dumps(_body(name))
        headers = {"Content-Type": "application/json"}
        t0 = now_ns()
        connection.request("POST", f"{urlsplit(url).path}/chat/completions", body, headers)
        with connection.getresponse() as response:
            return t0, [now_ns() for line in response if _is_token(line)]

    with ThreadPoolExecutor(len(load.names)) as pool:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(pool)

        def ask_at(url: str) -> Ask[Seen]:
            return lambda i, name: loop.run_in_executor(None, ask, url, connections[i], name)

        seen = await ask_all(load, ask_at(load.warm_up_url), ask_at(load.url))
        for connection in connections:
            connection.close()
    return seen


type Client = Callable[[Load], Coroutine[Any, Any, dict[str, Seen]]]

OWN = "nobs"

_ALL: dict[str, tuple[Client, str]] = {
    OWN: (nobs, "nobs"),
    single_of(OWN): (partial(send_load, processes=1), "nobs"),
    workers_of(OWN): (partial(send_load, processes=usable_cores()), "nobs"),
    "openai SDK": (openai, "openai"),
    "httpx2": (httpx2, "httpx2"),
    "aiohttp": (aiohttp, "aiohttp"),
    "aiohttp, parsed later": (aiohttp_late, "aiohttp"),
    "http.client, threads": (http_client, "http"),
}


def importable() -> dict[str, Client]:
    """Return the clients whose package is there."""
    return {
        name: client
        for name, (client, package) in _ALL.items()
        if importlib.util.find_spec(package) is not None
    }
