"""Untrusted text made safe to show: one line, no control characters, of limited length."""

import base64
import unicodedata
from collections.abc import Sequence

MAX_CHARACTERS = 200
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def to_line(value: object, limit: int = MAX_CHARACTERS) -> str:
    """Return `value` as one line without control characters or changes of writing direction."""
    text = str(value)
    shown = text[:limit]
    if not shown.isprintable():
        shown = "".join(map(_safe, shown))
    return f"{shown}…" if len(text) > limit else shown


def join_words(words: Sequence[str]) -> str:
    """Return `a, b and c` for one or more words."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def data_address(content: bytes, kind: str = "png") -> str:
    """Return an image, of `kind` png or jpeg, as a whole `data:` address."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def shorten(text: str, most: int) -> str:
    """Return `text` in at most `most` characters, cut in the middle."""
    half = max(1, (most - 1) // 2)
    return f"{text[:half]}…{text[-half:]}" if len(text) > most else text


def _safe(character: str) -> str:
    if character in "\n\t":
        return " "
    return "\ufffd" if unicodedata.category(character) in _UNSAFE else character


def whole_characters(text: str) -> str:
    """Join UTF-16 surrogates to characters; replace those without a partner.

    Servers written in JavaScript, Java or C# cut texts within a pair, and UTF-8 can't encode half
    of one.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
