"""Texts of requests: windows of sentences, all different, cut from the rows of a data set."""

import re
from collections.abc import Iterator, Sequence

LEAST, MOST = 300, 600
"""Characters of a window: it ends with the sentence that reaches the first, and never exceeds the
second. English prose of 600 characters has about 150 tokens."""
STORED_STEP = 10
SHORTEST = 100
"""A shorter window, at the end of a row, is left out."""
_END = re.compile(r"(?:(?<=[.!?;])|(?<=[.!?;][\"\u201d\u2019')]))\s+")


def cut_texts(rows: Sequence[str]) -> tuple[str, ...]:
    """Return the windows of all rows; each begins at another sentence.

    Neighbours are of different rows, so that no request has two windows that overlap. A row without
    sentences is a text of its own, up to `MOST` characters.
    """
    windows = [list(_windows(row)) or [row[:MOST]] for row in rows]
    longest = max(map(len, windows), default=0)
    in_turn = (
        each[place] for place in range(longest) for each in windows if place < len(each)
    )  # fmt: skip
    return tuple(dict.fromkeys(in_turn))


def _windows(row: str) -> Iterator[str]:
    sentences = _END.split(row)
    for start, first in enumerate(sentences):
        text = first
        for after in sentences[start + 1 :]:
            if len(text) >= LEAST or len(text) + 1 + len(after) > MOST:
                break
            text = f"{text} {after}"
        if SHORTEST <= len(text) <= MOST:
            yield text


def stored_texts(texts: Sequence[str]) -> tuple[str, ...]:
    """Return those of `texts` that get stored vectors: every tenth."""
    return tuple(texts[::STORED_STEP])


def related_part(text: str) -> str:
    """Return the first two thirds of the words of `text`: its vector is near that of the whole."""
    words = text.split()
    return " ".join(words[: max(1, len(words) * 2 // 3)])
