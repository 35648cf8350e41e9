"""Parse the events of a chat completion: tokens, usage, model, finish reason, errors."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nobs.providers.fields import table_of, tables_of
from nobs.tasks.chat.client.record import TokenChunk
from nobs.tasks.chat.client.repeats import REPEATED_TEXT, without_repeats
from nobs.tasks.chat.client.sse import DONE, Event, MalformedStream
from nobs.tasks.chat.client.usage import MAX_COUNT, Usage, usages_in
from nobs.text import whole_characters

type Json = Mapping[str, Any]

_TIMINGS = ("timings", "stats")
"""Where llama.cpp and LM Studio put their own times."""
_NO_REASON = ("", "null", "none")
"""How Python and JavaScript write null."""
_MESSAGE_FIELDS = ("message", "detail", "error_message", "error_msg", "text")
"""Fields with the message of an error that has no `error`; events with choices are answers."""
_REASONING = ("thinking", "reasoning")
"""Types of content parts that are reasoning."""
_OF_REASONING = re.compile(r"^(?!.*(signature|opaque|encrypt)).*(reason|think)", re.IGNORECASE)
"""Names of fields with reasoning: reasoning_content, reasoning, reasoning_details, thinking, ..."""


@dataclass(kw_only=True)
class Answer:
    """Content of one stream."""

    chunks: list[TokenChunk] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    model: str | None = None
    """Name of the model that answered, by the last event that has one."""
    finish_reason: str | None = None
    has_finish_field: bool = False
    """Whether any choice had the field, even if null."""
    finished_ns: int | None = None
    """Stamp of the event with the finish reason."""
    has_text_after_finish: bool = False
    """Whether text followed the reason: some servers send one with each chunk."""
    refusal: str = ""
    timings: dict[str, float] = field(default_factory=dict)
    unusable: set[str] = field(default_factory=set)
    """Names of dropped values: NaN, Infinity, numbers beyond 2**53, repeated text."""
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
    """Read `events` up to `[DONE]` or the first error; raise MalformedStream on invalid JSON.

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
    whole = answer.chunks
    answer.chunks = without_repeats(whole)
    if answer.chunks != whole:
        answer.unusable.add(REPEATED_TEXT)
    return answer


def error_in(value: Json, name: str = "") -> str | None:
    """Return the message of an error object, None where there is none.

    OpenAI's is in `error`; vLLM, FastAPI, FastChat and others send theirs as the whole event.
    """
    error = value.get("error")
    is_error = "error" in (name, value.get("object"), value.get("type"))
    said = next((text for key in _MESSAGE_FIELDS if (text := _text(value.get(key)))), None)
    if not (error or is_error or (said and "choices" not in value)):
        return None
    message = error.get("message") if isinstance(error, dict) else error
    return whole_characters(str(message or error or said or dict(value)))[:300]


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
    counted = None
    for usage in usages_in(value):
        counted = answer.usage.take(usage)
    for key in _TIMINGS:
        _take_timings(answer, key, table_of(value.get(key)))
    for choice in tables_of(value.get("choices"))[:1]:
        _take_choice(answer, choice, stamp_ns, counted)


def _take_choice(answer: Answer, choice: Json, stamp_ns: int, counted: int | None) -> None:
    delta = _delta(choice, is_first=not answer.chunks)
    content, thinking = _content(delta.get("content"))
    answer.refusal += _text(delta.get("refusal"))
    reasoning = _reasoning(delta) or thinking
    call = _tool_call(delta.get("tool_calls")) or _tool_call(
        [{"function": delta.get("function_call")}]
    )
    if content or reasoning or call:
        answer.has_text_after_finish |= answer.finish_reason is not None
        answer.chunks.append(
            TokenChunk(
                stamp_ns, content + call, reasoning, bool(content),
                tokens=_tokens_of(choice, delta), counted=counted,
            )
        )  # fmt: skip
    answer.has_finish_field = answer.has_finish_field or "finish_reason" in choice
    reason = _text(choice.get("finish_reason"))
    if reason.strip().lower() not in _NO_REASON:
        answer.finish_reason, answer.finished_ns = reason, stamp_ns


def _delta(choice: Json, *, is_first: bool) -> Json:
    """Return the delta of a choice.

    Some servers stream `text`, others send the whole `message` at once. A message after deltas
    repeats them.
    """
    delta = table_of(choice.get("delta"))
    if not delta and is_first:
        delta = table_of(choice.get("message"))
    return delta or {"content": choice.get("text")}


def _content(value: object) -> tuple[str, str]:
    """Return content and reasoning of a delta's content: a text, or a list of typed parts."""
    if not isinstance(value, list):
        return _text(value), ""
    parts = tables_of(value)
    thinking = [part for part in parts if part.get("type") in _REASONING]
    answer = "".join(_text(part.get("text")) for part in parts if part not in thinking)
    return answer, "".join(_part_text(part) for part in thinking)


def _reasoning(delta: Json) -> str:
    """Return the reasoning of a delta; some servers send the same text in several fields."""
    values = (value for name, value in delta.items() if _OF_REASONING.search(name))
    return next(filter(None, (_text(value) or _parts_text(value) for value in values)), "")


def _parts_text(parts: object) -> str:
    """Return the text of a list of parts, as in OpenRouter's `reasoning_details`."""
    return "".join(map(_part_text, tables_of(parts)))


def _part_text(part: Json) -> str:
    for name in (*_REASONING, "text", "summary"):
        inner = part.get(name)
        if isinstance(inner, list):
            return "".join(_text(each.get("text")) for each in tables_of(inner))
        if isinstance(inner, str):
            return inner
    return ""


def _tokens_of(choice: Json, delta: Json) -> int | None:
    """Return the number of token ids or log probabilities that came with a chunk."""
    logprobs = table_of(choice.get("logprobs")).get("content")
    for values in (choice.get("token_ids"), delta.get("token_ids"), logprobs):
        if isinstance(values, list) and values:
            return len(values)
    return None


def _tool_call(calls: object) -> str:
    """Return the names and arguments that a delta adds to tool calls."""
    functions = (table_of(call.get("function")) for call in tables_of(calls))
    return "".join(
        _text(function.get("name")) + _text(function.get("arguments")) for function in functions
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _take_timings(answer: Answer, key: str, values: Json) -> None:
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if abs(value) <= MAX_COUNT:  # neither NaN nor Infinity is
            answer.timings[whole_characters(str(name))] = float(value)
        else:
            answer.unusable.add(f"{key}.{whole_characters(str(name))}")
