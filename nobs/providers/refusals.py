"""Finds the parts of a request that an error answer refuses; pure."""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum

type Json = object
"""What `json.loads` returns."""


class Part(StrEnum):
    """Parts of a request that some servers refuse, as shown to the user."""

    SYSTEM_ROLE = "a system message"
    STREAM_OPTIONS = "stream_options"
    TEMPERATURE = "temperature"
    LIMIT = "max_tokens"
    STREAM = "stream"


_PLACES = ("param", "parameter", "loc", "field", "path", "instancePath")
"""Keys with the place of the fault in the request: of OpenAI, FastAPI and validators."""
_ECHOES = frozenset({"input", "ctx", "body", "request", "url", "headers", "user_id"})
"""Keys under which validators repeat the request."""
_ALTERNATIVES = re.compile(
    r"\b(expected one of|expected:|(supported|allowed|valid|permitted|known|accepted)\s"
    r"(fields?|parameters?|params|arguments?|properties|keys)).*",
    re.DOTALL,
)
"""Followed by fields that the server accepts."""
_NAMES = {
    Part.STREAM_OPTIONS: re.compile(r"stream_?options|stream options|include_usage"),
    Part.TEMPERATURE: re.compile(r"\btemperature\b"),
    Part.LIMIT: re.compile(r"\bmax_?(completion_?|output_?|new_?)?tokens\b"),
    Part.STREAM: re.compile(
        r"^(body\.)?stream$|\bstream(ing)?\b['\"`]?\s.{0,20}\b(not|isn't|un)\s?(support|allow|avail|"
        r"permit|implement|enabled)|unsupported.{0,20}\bstream(ing)?\b(?!.?options)"
    ),
    Part.SYSTEM_ROLE: re.compile(
        r"\b(system|developer)\b['\"`]?\s+(roles?|messages?|prompts?|instructions?)\b"
        r"|\broles?\b.{0,30}\b(system|developer)\b"
        r"|\broles?\b.{0,30}\balternat|\balternat\w*\b.{0,20}\b(user|roles?)\b"
        r"|\bonly\b.{0,20}\buser\b.{0,30}\broles?\b|\bfirst message\b"
        r"|\bmessages?\W{1,4}0\b"  # the system message is the first one
        r"|jinja|chat.?template|template.?error|rendering prompt"
    ),
}

TOO_FEW = re.compile(
    r"(tokens\b|output limit).{0,80}(\bhigher|at least|(below|minimum)|too (small|low|short|few)|"
    r"(greater|more|larger) than|>)|\bhigher\s.{0,20}tokens\b",
    re.IGNORECASE | re.DOTALL,
)
"""Messages for a limit of output tokens that is too low, not unknown."""


def find_refused(body: Json) -> frozenset[Part]:
    """Return the parts that an error answer names: by their place, else in its text."""
    return _parts_in(_places(body)) or _parts_in(_words(body))


def _parts_in(texts: Iterable[str]) -> frozenset[Part]:
    blamed = [_ALTERNATIVES.sub("", " ".join(text.lower().split())) for text in texts]
    return frozenset(part for part, name in _NAMES.items() if any(map(name.search, blamed)))


def _places(body: Json) -> Iterator[str]:
    match body:
        case dict():
            for key, value in body.items():
                if key in _PLACES and value:
                    path = value if isinstance(value, list) else [value]
                    yield ".".join(map(str, path))
                elif key not in _ECHOES:
                    yield from _places(value)
        case list():
            for each in body:
                yield from _places(each)


def _words(body: Json) -> Iterator[str]:
    match body:
        case str():
            yield body
        case dict():
            for key, value in body.items():
                if key not in _ECHOES:
                    yield str(key)
                    yield from _words(value)
        case list():
            for each in body:
                yield from _words(each)
