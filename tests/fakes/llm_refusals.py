"""Servers that refuse parts of a chat request, each in the words of a real kind of server."""

from collections.abc import Callable, Mapping
from typing import Any

from nobs.providers.refusals import Part
from tests.fakes.llm_answers import MODEL, right_answer
from tests.fakes.llm_routes import NOT_FOUND, READY, models, reply
from tests.fakes.llm_server import Answered, Choose, Script
from tests.fakes.llm_streams import event

type Style = Callable[[Part], Script]
"""How a server says that it refuses a part."""

FIELDS = {
    Part.SYSTEM_ROLE: "messages[0].role",
    Part.STREAM_OPTIONS: "stream_options",
    Part.TEMPERATURE: "temperature",
    Part.LIMIT: "max_tokens",
}
_LOCATIONS: Mapping[Part, list[str | int]] = {
    Part.SYSTEM_ROLE: ["body", "messages", 0, "role"],
    Part.STREAM_OPTIONS: ["body", "stream_options", "include_usage"],
    Part.TEMPERATURE: ["body", "temperature"],
    Part.LIMIT: ["body", "max_tokens"],
}
_WORDS = {
    Part.SYSTEM_ROLE: "System role not supported",
    Part.STREAM_OPTIONS: "Unrecognized request argument supplied: stream_options",
    Part.TEMPERATURE: "Unsupported value: 'temperature' does not support 0 with this model.",
    Part.LIMIT: "Unsupported parameter: 'max_tokens' is not supported with this model. "
    "Use 'max_completion_tokens' instead.",
}


def has(part: Part, body: Mapping[str, Any]) -> bool:
    """Tell whether a request has `part`; the limit by its older name."""
    match part:
        case Part.SYSTEM_ROLE:
            return any(message["role"] == "system" for message in body["messages"])
        case _:
            return FIELDS[part] in body


def refusing(parts: frozenset[Part], style: Style, answer: Script | None = None) -> Choose:
    """Return a server with one model that answers what has none of `parts`."""

    def choose(asked: Answered) -> Script:
        if asked.path.endswith("/models"):
            return reply(models(MODEL))
        if not asked.path.endswith("/chat/completions"):
            return NOT_FOUND
        named = next((part for part in Part if part in parts and has(part, asked.values)), None)
        return right_answer(asked) or answer or READY if named is None else style(named)

    return choose


def of_openai(part: Part) -> Script:
    error = {"message": _WORDS[part], "type": "invalid_request_error", "param": FIELDS[part],
             "code": "unsupported_parameter"}  # fmt: skip
    return reply({"error": error}, "400 Bad Request")


def of_vllm(part: Part) -> Script:
    return reply(
        {"object": "error", "message": _WORDS[part], "type": "BadRequestError", "param": None,
         "code": 400}, "400 Bad Request",
    )  # fmt: skip


def of_fastapi(part: Part) -> Script:
    """It quotes the whole request beside the fault."""
    echo = {"temperature": 0, "max_tokens": 16, "stream_options": {}, "messages": [{"role": "s"}]}
    fault = {"type": "extra_forbidden", "loc": _LOCATIONS[part],
             "msg": "Extra inputs are not permitted", "input": echo}  # fmt: skip
    return reply({"detail": [fault], "body": echo}, "422 Unprocessable Entity")


def of_mistral(part: Part) -> Script:
    fault = {"type": "extra_forbidden", "loc": _LOCATIONS[part], "msg": "Extra inputs"}
    return reply(
        {"object": "error", "message": {"detail": [fault]}, "type": "invalid_request_error"},
        "422 Unprocessable Entity",
    )


def of_a_strict_parser(part: Part) -> Script:
    """It names what it knows, too."""
    name = FIELDS[part] if part is not Part.SYSTEM_ROLE else "role system"
    known = "`model`, `messages`, `temperature`, `max_tokens`, `stream_options`, `stream`"
    return reply(f"unknown field `{name}`, expected one of {known}", "422 No", kind="text/plain")


def in_the_stream(part: Part) -> Script:
    body = b"event: error\n" + event({"error": {"message": _WORDS[part]}})
    return reply(body, kind="text/event-stream")


def with_500(part: Part) -> Script:
    return reply({"error": {"code": 500, "message": _WORDS[part]}}, "500 Internal Server Error")


def with_404(part: Part) -> Script:
    return reply({"error": _WORDS[part]}, "404 Not Found")


def without_a_word(_: Part) -> Script:
    return reply("", "400 Bad Request")


def with_a_bare_500(_: Part) -> Script:
    return reply("Internal Server Error", "500 Internal Server Error", kind="text/plain")


def with_a_page(_: Part) -> Script:
    """As Flask does with what it didn't expect."""
    page = "<!doctype html><title>500 Internal Server Error</title><p>The server overloaded</p>"
    return reply(page, "500 Internal Server Error", kind="text/html; charset=utf-8")


def with_a_misleading_word(_: Part) -> Script:
    return reply(
        {"message": "Invalid request: check temperature, max_tokens and stream_options."}, "400 Bad"
    )


NAMING: tuple[Style, ...] = (
    of_openai, of_vllm, of_fastapi, of_mistral, of_a_strict_parser, in_the_stream, with_500,
    with_404,
)  # fmt: skip
SILENT: tuple[Style, ...] = (
    without_a_word, with_a_bare_500, with_a_page, with_a_misleading_word,
)  # fmt: skip
