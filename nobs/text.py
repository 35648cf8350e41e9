"""Words of others, made safe to show: one line, no control characters, of bounded length."""

import unicodedata
from collections.abc import Sequence

MAX_CHARACTERS = 200
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def to_line(value: object, limit: int = MAX_CHARACTERS) -> str:
    """Return `value` as one line that can neither steer a terminal nor reorder its neighbours."""
    text = str(value)
    shown = text[:limit]
    if not shown.isprintable():
        shown = "".join(map(_safe, shown))
    return f"{shown}…" if len(text) > limit else shown


def join_words(words: Sequence[str]) -> str:
    """Return `a, b and c`; there must be one at least."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def shorten(text: str, most: int) -> str:
    """Return `text` in at most `most` characters: names differ at their ends, too."""
    half = max(1, (most - 1) // 2)
    return f"{text[:half]}…{text[-half:]}" if len(text) > most else text


def _safe(character: str) -> str:
    if character in "\n\t":
        return " "
    return "\ufffd" if unicodedata.category(character) in _UNSAFE else character


def whole_characters(text: str) -> str:
    """Join halves of characters (UTF-16 surrogates) that came apart; replace those without a twin.

    Servers written in JavaScript, Java or C# cut texts between the halves, and UTF-8 has no way to
    write half a character.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
