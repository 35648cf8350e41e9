"""Read token counts of servers: several names, places and types."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nobs.providers.fields import table_of, tables_of

type Json = Mapping[str, Any]

MAX_COUNT = 2**53
"""Larger counts aren't exact in JSON, and no answer has so many tokens."""
_NAMES = {
    "prompt": ("prompt_tokens", "input_tokens"),
    "completion": ("completion_tokens", "output_tokens"),
    "total": ("total_tokens",),
    "reasoning": ("reasoning_tokens",),
    "cached": ("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"),
}
_DETAILS = {
    "reasoning": ("completion_tokens_details", "output_tokens_details"),
    "cached": ("prompt_tokens_details", "input_tokens_details"),
}
_DIGITS = re.compile(r"\s*[0-9]{1,16}\s*")


@dataclass(kw_only=True)
class Usage:
    """The server's latest token counts; None if not sent."""

    prompt: int | None = None
    completion: int | None = None
    total: int | None = None
    reasoning: int | None = None
    cached: int | None = None
    """Prompt tokens that the server had cached."""
    unusable: set[str] = field(default_factory=set)
    """Names of values that were dropped: NaN, Infinity, more than 2**53."""

    def take(self, values: Json) -> int | None:
        """Take the numbers of a usage object; return its output tokens, if it has them.

        Usage sent with each chunk has growing numbers. Null, or zero after a number, is ignored.
        """
        for name in _NAMES:
            if found := self._find(values, name):
                setattr(self, name, found)
            elif found == 0 and getattr(self, name) is None:
                setattr(self, name, 0)
        return self.completion if self._find(values, "completion") is not None else None

    def _find(self, values: Json, name: str) -> int | None:
        places = [table_of(values.get(key)) for key in _DETAILS.get(name, ())]
        for place in (*places, values):
            for key in _NAMES[name]:
                if (count := self._count(place.get(key), key)) is not None:
                    return count
        return None

    def _count(self, value: object, key: str) -> int | None:
        """Return a number of tokens, written as a number or a text; None of anything else."""
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            return None
        if not value <= MAX_COUNT or value != int(value):
            self.unusable.add(f"usage.{key}")
            return None
        return int(value)


def usages_in(event: Json) -> Iterator[Json]:
    """Yield the usage objects of an event, wherever servers put them."""
    first = tables_of(event.get("choices"))[:1]
    # Groq's own field, then the first choice, as of Moonshot, then where OpenAI has it.
    for place in (table_of(event.get("x_groq")), *first, event):
        if usage := table_of(place.get("usage")):
            yield usage
