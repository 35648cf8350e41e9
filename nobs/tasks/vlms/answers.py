"""Whether an answer to a sure question is right."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the launcher has no Pillow
    from nobs.tasks.vlms.pictures import Picture

MIN_ABOVE_BLANK = 0.5
"""Least share of right answers beyond those to blank pictures of the same size.

A server that never receives the picture answers both alike: a lucky guess gains it nothing. SmolLM2
with the packaged projector is right for 12 of 12 pictures and for no blank one.
"""
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
)  # fmt: skip
_NUMBERS = {word: str(value) for value, word in enumerate(_WORDS)}


def is_right(text: str, picture: "Picture") -> bool:
    """Return whether one of the answers is in `text`, as whole words, and nothing of its set.

    To a number every other number is wrong.
    """
    found = tuple(_tokens(text))
    if not any(_contains(found, tuple(_tokens(answer))) for answer in picture.answers):
        return False
    if any(_contains(found, tuple(_tokens(word))) for word in picture.wrong):
        return False
    right = {token for answer in picture.answers for token in _tokens(answer)}
    # `one` is rarely a number: "the largest one".
    numbers = {token for token in found if token[0].isdecimal()} - {"1"}
    return not any(answer[0].isdecimal() for answer in right) or numbers <= right


def _tokens(text: str) -> Iterator[str]:
    """Yield words in lower case, and numbers as digits with a point."""
    for token in _TOKEN.findall(text.casefold()):
        yield _number(token) if token[0].isdecimal() else _NUMBERS.get(token, token)


def _number(token: str) -> str:
    """Return a number without separators of thousands and useless zeros."""
    whole, mark, part = token.replace(",", ".").rpartition(".")
    if not mark or (len(part) == 3 and whole != "0"):
        return str(int(whole.replace(".", "") + part))
    value = Decimal(f"{whole.replace('.', '')}.{part}")
    return f"{value.normalize():f}"


def _contains(tokens: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    last = len(tokens) - len(wanted)
    return any(tokens[start : start + len(wanted)] == wanted for start in range(last + 1))
