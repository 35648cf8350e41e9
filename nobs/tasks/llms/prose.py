"""Prompts of a number of tokens, cut from prose by the server's own count."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

TASK = "Continue this story with a long description of the next day."
USUAL_CHARS = 4.3
"""Characters of English prose per token, for the first cut."""
STEP = 13
"""Passages between the starts of two prompts, so that they share no beginning."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One prompt: `depth` tokens of prose, then the task."""

    depth: int
    text: str
    chars: int
    """Characters of prose."""


def cut(passages: Sequence[str], number: int, depth: int, chars: int) -> Prompt:
    """Return the prompt of a depth with `chars` characters of prose; 0: the task alone.

    The text begins with another passage for each `number`; short sets of passages are repeated.
    """
    start = number * STEP % len(passages)
    endless = itertools.cycle([*passages[start:], *passages[:start]])
    prose = ""
    while len(prose) < chars:
        prose += next(endless) + "\n"
    text = f"{prose[:chars]}\n\n{TASK}" if chars else TASK
    return Prompt(depth=depth, text=text, chars=chars)


def next_chars(depth: int, chars: int, tokens: int) -> int:
    """Return how many characters `depth` tokens have, if `chars` have `tokens`."""
    return max(1, round(chars * depth / max(1, tokens)))
