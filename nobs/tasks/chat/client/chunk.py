"""One event of a stream that carries text."""

from dataclasses import dataclass


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
