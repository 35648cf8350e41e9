"""Streams whose truth is known: a model makes a token every `gap_s`, in whatever shape it comes."""

import itertools
from dataclasses import dataclass
from typing import Any

from nobs.tasks.chat.client.exchange import Exchange
from tests.fakes.llm_streams import delta, event, exchange

WORDS = ("tok ", "a ", "the ", "measure", " of", "ment", ", ", "Ton", "über", "数据", "\n", " 7")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a model's tokens are packed, sent and counted."""

    sizes: tuple[int, ...]
    """Tokens in each chunk."""
    gap_s: float = 0.005
    ttft_s: float = 0.05
    words: int = 1
    """How many different texts tokens have, of `WORDS`."""
    reasoning: int = 0
    """So many of the first chunks are reasoning."""
    hidden: int = 0
    """Tokens of reasoning that are made and counted before the first chunk, but never sent."""
    usage: str = "last"
    """Where it is: `last`, `finish`, `each` (growing), `nulls` (null until the last), `none`."""
    counting: str = "folded"
    """`folded`, `apart` (reasoning not in completion_tokens), `apart-no-total`, `silent` (hidden
    reasoning counted and not named), `zero`, `chunks`."""
    counts_end: bool = False
    """Whether usage has the end token, which has no text."""
    late_finish_s: float = 0.0
    lump_bytes: int = 0
    """A proxy lets bytes go only in lumps of this size."""
    finish: str | None = "stop"

    @property
    def rate(self) -> float:
        """The true decode rate in tokens per second."""
        return 1 / self.gap_s


def stream_of(shape: Shape) -> Exchange:
    """Return the exchange of `shape` as a client sees it."""
    return exchange(*reads_of(shape))


def reads_of(shape: Shape) -> list[tuple[float, bytes]]:
    """Return what comes of `shape` in one piece: ms after the request, and events as bytes."""
    events = _events(shape)
    return _lumped(events, shape.lump_bytes) if shape.lump_bytes else events


def _events(shape: Shape) -> list[tuple[float, bytes]]:
    made, found = 0, []
    texts = itertools.cycle(WORDS[: shape.words])
    at_s = shape.ttft_s + shape.hidden * shape.gap_s
    for number, size in enumerate(shape.sizes):
        made += size
        name = "reasoning_content" if number < shape.reasoning else "content"
        value = delta(**{name: "".join(next(texts) for _ in range(size))})
        if shape.usage == "each":
            value["usage"] = _usage(shape, made)
        if shape.usage == "nulls":
            value["usage"] = None
        found.append(((at_s + (made - 1) * shape.gap_s) * 1e3, event(value)))
    end_ms = found[-1][0] + shape.late_finish_s * 1e3
    last: dict[str, Any] = delta(finish=shape.finish)
    if shape.usage in ("finish", "each", "nulls"):
        last["usage"] = _usage(shape, made, is_last=True)
    found.append((end_ms, event(last)))
    if shape.usage == "last":
        found.append((end_ms, event({"choices": [], "usage": _usage(shape, made, is_last=True)})))
    return [*found, (end_ms, event("[DONE]"))]


def _usage(shape: Shape, made: int, *, is_last: bool = False) -> dict[str, Any]:
    thought = min(sum(shape.sizes[: shape.reasoning]), made) + shape.hidden
    whole = made + shape.hidden + (shape.counts_end and is_last)
    details = {"completion_tokens_details": {"reasoning_tokens": thought}} if thought else {}
    total = {"prompt_tokens": 7, "total_tokens": 7 + whole}
    prompt = {"prompt_tokens": 7}
    kinds: dict[str, dict[str, Any]] = {
        "apart": {"completion_tokens": whole - thought, **total, **details},
        "apart-no-total": {"completion_tokens": whole - thought, **prompt, **details},
        "apart-unnamed": {"completion_tokens": whole - thought, **total},
        "silent": {"completion_tokens": whole, **total},
        "zero": {"completion_tokens": 0, **total, **details},
        "chunks": {"completion_tokens": len(shape.sizes), **prompt},
    }
    return kinds.get(shape.counting, {"completion_tokens": whole, **total, **details})


def _lumped(events: list[tuple[float, bytes]], size: int) -> list[tuple[float, bytes]]:
    """Return what a buffering proxy lets through: lumps of `size` bytes, the rest at the end."""
    found: list[tuple[float, bytes]] = []
    held = b""
    for at_ms, data in events:
        held += data
        if len(held) >= size:
            found.append((at_ms, held))
            held = b""
    return [*found, (events[-1][0], held)] if held else found
