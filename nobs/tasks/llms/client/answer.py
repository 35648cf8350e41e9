"""What the events of a chat completion say: tokens, usage, the finish, errors."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nobs.tasks.llms.client.sse import DONE, Event, MalformedStream

type Json = Mapping[str, Any]

_TIMINGS = ("timings", "stats")
"""Where llama.cpp and LM Studio put their own times."""


@dataclass(frozen=True, slots=True)
class TokenChunk:
    """A chunk that carries at least one token."""

    stamp_ns: int
    answer: str
    """Content, refusal or the arguments of a tool call."""
    reasoning: str
    has_answer: bool
    """Content or a refusal; a tool call is a token, but no answer text."""


@dataclass(kw_only=True)
class Answer:
    """Everything that one stream said."""

    chunks: list[TokenChunk] = field(default_factory=list)
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    finish_reason: str | None = None
    timings: dict[str, float] = field(default_factory=dict)
    error: str | None = None
    is_done: bool = False
    """`[DONE]` came."""
    objects: int = 0
    """Events that held a JSON object."""

    @property
    def text(self) -> str:
        """Return the answer without its reasoning."""
        return "".join(chunk.answer for chunk in self.chunks)

    @property
    def reasoning(self) -> str:
        """Return the reasoning without the answer."""
        return "".join(chunk.reasoning for chunk in self.chunks)


def read_answer(events: Iterable[Event]) -> Answer:
    """Read `events` up to `[DONE]` or the first error; raise MalformedStream on what isn't JSON."""
    answer = Answer()
    for event in events:
        if event.data.strip() == DONE:
            answer.is_done = True
            break
        value = _read_object(event.data)
        answer.error = error_in(value, event.name)
        if answer.error is not None:
            break
        _take(answer, value, event.stamp_ns)
    return answer


def error_in(value: Json, name: str = "") -> str | None:
    """Return the message of an error object, None where there is none."""
    error = value.get("error")
    if not error and name != "error":
        return None
    message = error.get("message") if isinstance(error, dict) else error
    return str(message or error or value.get("message") or dict(value))[:300]


def _read_object(data: str) -> Json:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise MalformedStream(f"an event isn't JSON: {data[:80]!r}") from error
    if not isinstance(value, dict):
        raise MalformedStream(f"an event isn't a JSON object: {data[:80]!r}")
    return value


def _take(answer: Answer, value: Json, stamp_ns: int) -> None:
    answer.objects += 1
    _take_usage(answer, _object(value.get("usage")))
    for key in _TIMINGS:
        answer.timings |= _numbers(_object(value.get(key)))
    choices = value.get("choices")
    if isinstance(choices, list) and choices:
        _take_choice(answer, _object(choices[0]), stamp_ns)


def _take_usage(answer: Answer, usage: Json) -> None:
    """Take the numbers of `usage`; servers that send it with each chunk send growing ones."""
    details = _object(usage.get("completion_tokens_details"))
    answer.input_tokens = _count(usage.get("prompt_tokens"), answer.input_tokens)
    answer.output_tokens = _count(usage.get("completion_tokens"), answer.output_tokens)
    answer.reasoning_tokens = _count(details.get("reasoning_tokens"), answer.reasoning_tokens)


def _take_choice(answer: Answer, choice: Json, stamp_ns: int) -> None:
    delta = _object(choice.get("delta"))
    content = _text(delta.get("content")) + _text(delta.get("refusal"))
    # Some servers send both names of the same text.
    reasoning = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
    call = _tool_call(delta.get("tool_calls"))
    if content or reasoning or call:
        answer.chunks.append(TokenChunk(stamp_ns, content + call, reasoning, bool(content)))
    answer.finish_reason = _text(choice.get("finish_reason")) or answer.finish_reason


def _tool_call(calls: object) -> str:
    """Return the names and arguments that a delta adds to tool calls."""
    functions = (
        _object(_object(call).get("function"))
        for call in (calls if isinstance(calls, list) else ())
    )
    return "".join(
        _text(function.get("name")) + _text(function.get("arguments")) for function in functions
    )


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object, default: int | None) -> int | None:
    """Return `value` where it is a number of tokens."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count else default  # type: ignore[return-value]


def _numbers(values: Json) -> dict[str, float]:
    return {
        str(name): float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
