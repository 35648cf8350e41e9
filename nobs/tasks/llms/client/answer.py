"""What the events of a chat completion hold: tokens, usage, the model, the finish, errors."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nobs.tasks.llms.client.sse import DONE, Event, MalformedStream
from nobs.text import whole_characters

type Json = Mapping[str, Any]

_TIMINGS = ("timings", "stats")
"""Where llama.cpp and LM Studio put their own times."""
_MAX_COUNT = 2**53
"""Larger counts aren't exact in JSON, and no answer has so many tokens."""
_REASONING = ("thinking", "reasoning")
"""Types of content parts that are no answer."""


@dataclass(frozen=True, slots=True)
class TokenChunk:
    """A chunk that carries at least one token."""

    stamp_ns: int
    answer: str
    """Content or the arguments of a tool call."""
    reasoning: str
    has_answer: bool
    """Content; a tool call is a token, but no answer text."""
    tokens: int | None = None
    """Tokens in this chunk, where the server sends their ids or log probabilities."""
    counted: int | None = None
    """Output tokens up to and including this chunk, where its usage has them."""


@dataclass(kw_only=True)
class Usage:
    """Token counts as the server sent them last; None where it sent none."""

    prompt: int | None = None
    completion: int | None = None
    total: int | None = None
    reasoning: int | None = None


@dataclass(kw_only=True)
class Answer:
    """Everything that one stream held."""

    chunks: list[TokenChunk] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    model: str | None = None
    """Which model the server says has answered; the last name that it gave."""
    finish_reason: str | None = None
    has_finish_field: bool = False
    """Whether any choice had the field, be it null."""
    finished_ns: int | None = None
    """Stamp of the event with the finish reason."""
    refusal: str = ""
    timings: dict[str, float] = field(default_factory=dict)
    unusable: set[str] = field(default_factory=set)
    """Names of values that were dropped: NaN, Infinity, counts beyond 2**53, half characters."""
    error: str | None = None
    is_done: bool = False
    """`[DONE]` came."""
    objects: int = 0
    """Events that held a JSON object."""

    @property
    def text(self) -> str:
        """Return the answer without its reasoning."""
        return whole_characters("".join(chunk.answer for chunk in self.chunks))

    @property
    def reasoning(self) -> str:
        """Return the reasoning without the answer."""
        return whole_characters("".join(chunk.reasoning for chunk in self.chunks))


def read_answer(events: Iterable[Event]) -> Answer:
    """Read `events` up to `[DONE]` or the first error; raise MalformedStream on what isn't JSON.

    Events without data keep a connection alive and are skipped.
    """
    answer = Answer()
    for event in events:
        data = event.data.strip()
        if not data and event.name != "error":
            continue
        if data == DONE:
            answer.is_done = True
            break
        value = _read_object(data)
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
    return whole_characters(str(message or error or value.get("message") or dict(value)))[:300]


def _read_object(data: str) -> Json:
    if not data:
        return {}
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise MalformedStream(f"an event isn't JSON: {data[:80]!r}") from error
    if not isinstance(value, dict):
        raise MalformedStream(f"an event isn't a JSON object: {data[:80]!r}")
    return value


def _take(answer: Answer, value: Json, stamp_ns: int) -> None:
    answer.objects += 1
    answer.model = whole_characters(_text(value.get("model"))) or answer.model
    counted = _take_usage(answer, _object(value.get("usage")))
    for key in _TIMINGS:
        _take_timings(answer, key, _object(value.get(key)))
    choices = value.get("choices")
    if isinstance(choices, list) and choices:
        _take_choice(answer, _object(choices[0]), stamp_ns, counted)


def _take_usage(answer: Answer, usage: Json) -> int | None:
    """Take the numbers of `usage` and return its output tokens, if it has them.

    Servers that send usage with each chunk send growing numbers; null leaves the last ones.
    """
    details = _object(usage.get("completion_tokens_details"))
    found = answer.usage
    found.prompt = _count(answer, usage, "prompt_tokens", found.prompt)
    found.completion = _count(answer, usage, "completion_tokens", found.completion)
    found.total = _count(answer, usage, "total_tokens", found.total)
    found.reasoning = _count(answer, details, "reasoning_tokens", found.reasoning)
    return found.completion if usage.get("completion_tokens") is not None else None


def _take_choice(answer: Answer, choice: Json, stamp_ns: int, counted: int | None) -> None:
    delta = _object(choice.get("delta"))
    content, thinking = _content(delta.get("content"))
    answer.refusal += _text(delta.get("refusal"))
    # Some servers send several names of the same text.
    named = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
    reasoning = named or thinking
    call = _tool_call(delta.get("tool_calls")) or _tool_call(
        [{"function": delta.get("function_call")}]
    )
    if content or reasoning or call:
        answer.chunks.append(
            TokenChunk(
                stamp_ns, content + call, reasoning, bool(content),
                tokens=_tokens_of(choice, delta), counted=counted,
            )
        )  # fmt: skip
    answer.has_finish_field = answer.has_finish_field or "finish_reason" in choice
    if reason := _text(choice.get("finish_reason")):
        answer.finish_reason, answer.finished_ns = reason, stamp_ns


def _content(value: object) -> tuple[str, str]:
    """Return content and reasoning of a delta's content: a text, or a list of typed parts."""
    if not isinstance(value, list):
        return _text(value), ""
    parts = [_object(part) for part in value]
    thinking = [part for part in parts if part.get("type") in _REASONING]
    answer = "".join(_text(part.get("text")) for part in parts if part not in thinking)
    return answer, "".join(_part_text(part) for part in thinking)


def _part_text(part: Json) -> str:
    for name in (*_REASONING, "text"):
        inner = part.get(name)
        if isinstance(inner, list):
            return "".join(_text(_object(each).get("text")) for each in inner)
        if isinstance(inner, str):
            return inner
    return ""


def _tokens_of(choice: Json, delta: Json) -> int | None:
    """Return the number of token ids or log probabilities that came with a chunk."""
    logprobs = _object(choice.get("logprobs")).get("content")
    for values in (choice.get("token_ids"), delta.get("token_ids"), logprobs):
        if isinstance(values, list) and values:
            return len(values)
    return None


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


def _count(answer: Answer, values: Json, name: str, default: int | None) -> int | None:
    """Return the number of tokens called `name`; of a negative or no number, `default`."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return default
    if not value <= _MAX_COUNT or value != int(value):
        answer.unusable.add(f"usage.{name}")
        return default
    return int(value)


def _take_timings(answer: Answer, key: str, values: Json) -> None:
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if abs(value) <= _MAX_COUNT:  # neither NaN nor Infinity is
            answer.timings[whole_characters(str(name))] = float(value)
        else:
            answer.unusable.add(f"{key}.{whole_characters(str(name))}")
