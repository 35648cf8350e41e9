"""Remove repeated text: all of it so far in each chunk, or all of it again at the end.

Only new text counts as received tokens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal

from nobs.tasks.chat.client.record import TokenChunk

MIN_CHUNKS = 4
"""Fewer chunks may repeat themselves by chance."""

REPEATED_TEXT = "repeated text"
"""Name of dropped text in records."""

type Field = Literal["answer", "reasoning"]


def without_repeats(chunks: Sequence[TokenChunk]) -> list[TokenChunk]:
    """Return the chunks with their new text, without chunks that have none."""
    for name in ("answer", "reasoning"):
        chunks = list(_new_in(chunks, name))
    return list(chunks)


def _new_in(chunks: Sequence[TokenChunk], name: Field) -> Iterator[TokenChunk]:
    texts: list[str] = [each for chunk in chunks if (each := getattr(chunk, name))]
    is_cumulative, is_repeated = _is_cumulative(texts), _is_repeated(texts)
    seen = 0
    before = ""
    for chunk in chunks:
        text: str = getattr(chunk, name)
        seen += bool(text)
        new = text.removeprefix(before) if is_cumulative and text else text
        if is_repeated and seen == len(texts):
            new = ""
        before = text or before
        if new == text:
            yield chunk
        elif (shorter := _with_text(chunk, name, new)) is not None:
            yield shorter


def _with_text(chunk: TokenChunk, name: Field, text: str) -> TokenChunk | None:
    """Return `chunk` with `text` in the field, None where it has no text left."""
    changed = replace(chunk, answer=text) if name == "answer" else replace(chunk, reasoning=text)
    return changed if changed.answer or changed.reasoning else None


def _is_cumulative(texts: Sequence[str]) -> bool:
    """Return whether each text extends the one before."""
    pairs = list(pairwise(texts))
    grown = sum(len(after) > len(before) for before, after in pairs)
    return grown + 1 >= MIN_CHUNKS and all(after.startswith(before) for before, after in pairs)


def _is_repeated(texts: Sequence[str]) -> bool:
    """Return whether the last text is all the others together."""
    *earlier, last = texts or [""]
    return len(earlier) >= MIN_CHUNKS and last.strip() == "".join(earlier).strip() != ""
