"""Answers of servers by route, for what isn't streamed."""

import json
from collections.abc import Mapping
from typing import Any

from tests.fakes.llm_server import Answered, Choose, Script, Send, Then
from tests.fakes.llm_streams import delta, event, head, usage

type Reply = Script | dict[str, Any] | list[Any]


def reply(
    body: bytes | str | dict[str, Any] | list[Any],
    status: str = "200 OK",
    *headers: str,
    kind: str = "application/json",
    then: Then = Then.KEEP,
) -> Script:
    """Return a script that sends `body` at once."""
    data = json.dumps(body) if isinstance(body, dict | list) else body
    data = data.encode() if isinstance(data, str) else data
    first = head(f"Content-Length: {len(data)}", *headers, status=status, kind=kind)
    return Script(steps=[Send(0, first + data)], then=then)


READY = reply(
    event(delta(content="ready.")) + event(delta("stop") | {"usage": usage(3)}) + event("[DONE]"),
    kind="text/event-stream",
)
"""What a model answers to the check of its server."""
NOT_FOUND = reply({"error": {"message": "File Not Found", "code": 404}}, "404 Not Found")


def models(*ids: str, **fields: Any) -> dict[str, Any]:
    """Return a list of models, each with `fields`."""
    return {"object": "list", "data": [{"id": name, "object": "model", **fields} for name in ids]}


def routes(replies: Mapping[str, Reply], default: Reply = NOT_FOUND) -> Choose:
    """Return what answers each path as `replies` say."""

    def choose(answered: Answered) -> Script:
        found = replies.get(answered.path, default)
        return found if isinstance(found, Script) else reply(found)

    return choose


def one_model(name: str = "tiny", more: Mapping[str, Reply] | None = None) -> Choose:
    """Return a server with one model that answers; `more` adds routes by path."""
    usual: Mapping[str, Reply] = {"/v1/models": models(name), "/v1/chat/completions": READY}
    return routes({**usual, **(more or {})})
