"""Requests of the client to a server that answers by script, and parts of such scripts."""

import asyncio

from nobs.providers.chat import ChatRequest
from nobs.schema.server import Connection
from nobs.tasks.chat.client.chat import chat_client, chat_stream
from nobs.tasks.chat.client.exchange import Limits
from nobs.tasks.chat.client.record import ChatRecord, Figures
from tests.fakes.llm_server import Answered, Script, ScriptedServer, Send, Then, serving
from tests.fakes.llm_streams import chunked, delta, event, head, usage

REQUEST = ChatRequest(model="m", messages=[{"role": "user", "content": "Hi"}])
LIMITS = Limits(connect_s=20, first_byte_s=20, idle_s=20, total_s=40)
CHUNKED = head("Transfer-Encoding: chunked")
CLOSING = head("Connection: close")
LAST_CHUNK = b"0\r\n\r\n"
ROLE = event(delta(role="assistant", content=""))
TOKEN = event(delta(content="tok "))
FINISH = event({**delta(finish="stop"), "usage": usage(3)})
DONE = event("[DONE]")


def chat(server: ScriptedServer, limits: Limits = LIMITS, times: int = 1) -> list[ChatRecord]:
    """Send `times` requests over one client."""

    async def talk() -> list[ChatRecord]:
        with chat_client(Connection(base_url=server.url).with_key("key"), limits) as client:
            return [await chat_stream(client, REQUEST) for _ in range(times)]

    return asyncio.run(talk())


def answer(script: Script, limits: Limits = LIMITS) -> tuple[ChatRecord, Answered]:
    """Return what the client saw and what the server did."""
    with serving(script) as server:
        (record,) = chat(server, limits)
    return record, server.log[0]


def figures_of(record: ChatRecord) -> Figures:
    """Return the figures of a request that must have succeeded."""
    assert record.figures is not None, record.error
    return record.figures


def in_chunks(*steps: Send) -> Script:
    """Return `steps` as an answer in chunks of the wire, then its last chunk."""
    sent = [Send(step.at_s, chunked(step.data), step.tokens) for step in steps]
    end_s = steps[-1].at_s
    return Script(steps=[Send(0, CHUNKED), *sent, Send(end_s, LAST_CHUNK)])


def in_one_write(body: bytes, opening: bytes = CLOSING, then: Then = Then.CLOSE) -> Script:
    """Return `opening` and `body` as an answer that is sent at once."""
    return Script(steps=[Send(0, opening + body)], then=then)


def assert_stamps_follow(record: ChatRecord, truth: Answered) -> None:
    """No token is stamped before the server sent it, nor seconds after it."""
    assert record.stamps is not None
    seen = [record.stamps.sent_at_ns + stamp for stamp in record.stamps.token_ns]
    assert len(truth.token_ns) == len(seen)
    late = [stamp - sent for stamp, sent in zip(seen, truth.token_ns, strict=True)]
    assert min(late) >= 0
    assert max(late) < 5e9
