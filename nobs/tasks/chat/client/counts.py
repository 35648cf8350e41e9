"""Count the tokens of an answer, and those after its first arrival.

Servers count differently from what they stream: without reasoning, with hidden reasoning, with an
end token. Their counts are checked against chunks, bytes of text, and their own totals.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from statistics import median

from nobs.tasks.chat.client.answer import Answer
from nobs.tasks.chat.client.finish import whole_reason
from nobs.tasks.chat.client.record import TokenChunk, TokenCountSource

SPECIAL_TOKENS = 8
"""Tokens of an answer that are no text: its end, marks around reasoning."""
USUAL_BYTES = 4.0
"""Bytes of text per token; texts of most languages, and code, have 3 to 5."""
LEAST_USUAL_BYTES, MOST_USUAL_BYTES = 2.5, 6.0
MIN_BYTES, MAX_BYTES = 1.5, 10.0
"""Mean bytes of text per token outside of which a count can't be that of the text."""
FEW_BYTES = 3.0
"""Mean bytes of text per token below which some of the tokens may never have come."""
FEW_CHUNKS = 0.8
"""Digits may have one byte per token, but then nearly every token has a chunk of its own."""
SINGLE_BYTES = 7.0
"""Mean bytes of text per chunk, and per token, up to which each may be one token."""
MIN_STEPS = 3
AGREES = 1.6
"""Two estimates of the tokens in a chunk agree within this factor."""
REGULAR = 0.02
"""Chunks are taken for equally large if their text says so within this share."""


@dataclass(frozen=True, kw_only=True)
class TokenCount:
    """The tokens of one answer."""

    output: int
    """Tokens that the model generated, including hidden reasoning."""
    source: TokenCountSource
    streamed: int
    """Tokens that were received."""
    others: tuple[int, ...] = ()
    """Alternative numbers of received tokens, by other interpretations of the same usage."""
    first: float = 0.0
    """Tokens of the first arrival."""
    low: float = 0.0
    """Fewest tokens after the first arrival that all counts allow."""
    high: float = 0.0
    """Most of them."""
    conflict: str = ""
    """Why the server's count contradicts the stream; empty if it doesn't."""

    @property
    def later(self) -> float:
        """Return the tokens after the first arrival."""
        return self.streamed - self.first


def count_tokens(answer: Answer, first_chunks: int) -> TokenCount:
    """Return the tokens of `answer`, whose first arrival has `first_chunks` chunks."""
    counted = _counted(answer)
    if conflict := _conflict(answer, counted):
        return _in_conflict(answer, replace(counted, conflict=conflict), first_chunks)
    if (known := _exact(answer.chunks, counted.streamed)) is not None:
        later = known[-1] - known[first_chunks - 1]
        return replace(
            counted, streamed=known[-1], first=known[first_chunks - 1], low=later, high=later
        )
    return _estimated(answer, counted, first_chunks)


def _estimated(answer: Answer, counted: TokenCount, first_chunks: int) -> TokenCount:
    streamed, chunks, size = counted.streamed, len(answer.chunks), _text_bytes(answer)
    first, (fewest, most) = _tokens_of_first(answer.chunks, streamed, first_chunks)
    readings = (streamed, *counted.others)
    low, high = min(readings) - most, max(readings) - fewest
    if streamed == chunks + 1:
        # The end token, which has no text; or else a chunk with two tokens.
        counted = replace(counted, streamed=chunks)
        low = chunks - most
        high = low if _has_step_for_end(answer) and not counted.others else high
    elif streamed == chunks - 1:
        high = max(high, chunks - first_chunks)
    elif streamed > chunks:
        # The end token may be one of them; or each chunk is one, and the others never came.
        may_be_single = size <= SINGLE_BYTES * chunks
        low = min(low - 1, chunks - first_chunks) if may_be_single else low - 1
        if size < FEW_BYTES * streamed:
            low = min(low, _later_text_bytes(answer, first_chunks) / MOST_USUAL_BYTES)
    if size > SINGLE_BYTES * streamed:
        high = max(high, _later_text_bytes(answer, first_chunks) / LEAST_USUAL_BYTES)
    return replace(counted, first=first, low=max(0.0, low), high=max(0.0, high))


def _in_conflict(answer: Answer, counted: TokenCount, first_chunks: int) -> TokenCount:
    """Return `counted` with the fewest and most tokens that any of its sources allows."""
    share = 1 - _text_share(answer.chunks, first_chunks)
    size, chunks = _later_text_bytes(answer, first_chunks), len(answer.chunks) - first_chunks
    by_text = size / MOST_USUAL_BYTES, size / LEAST_USUAL_BYTES
    ends = counted.streamed * share, counted.output * share, chunks, *by_text
    first = counted.streamed * (1 - share)
    return replace(counted, first=first, low=float(min(ends)), high=float(max(ends)))


def _later_text_bytes(answer: Answer, first_chunks: int) -> float:
    return (1 - _text_share(answer.chunks, first_chunks)) * _text_bytes(answer)


def _counted(answer: Answer) -> TokenCount:
    """Return the output tokens and the source of the count; a server's zero is ignored."""
    if output := _output_of(answer):
        streamed = output - _hidden(answer, output)
        others = tuple(_other_readings(answer, output, streamed))
        return TokenCount(
            output=output, source=TokenCountSource.USAGE, streamed=streamed, others=others
        )
    if predicted := int(answer.timings.get("predicted_n", 0)):
        source, output = TokenCountSource.TIMINGS, predicted
    else:
        source, output = TokenCountSource.CHUNKS, len(answer.chunks)
    return TokenCount(output=output, source=source, streamed=output)


def _output_of(answer: Answer) -> int:
    """Return the output tokens that usage counts, reasoning included; 0 where it counts none.

    xAI, Gemini's compatible API and several gateways count reasoning apart: `completion_tokens` is
    without it, `total_tokens` with it. OpenAI's own `completion_tokens` include it.
    """
    usage, chunks, summed = answer.usage, len(answer.chunks), _summed(answer)
    completion, reasoning = usage.completion or 0, usage.reasoning or 0
    both = completion + reasoning
    is_short = completion + 1 < chunks or bool(answer.reasoning and not reasoning)
    is_apart = summed == both or reasoning > completion > 0
    if reasoning and (is_apart or (is_short and not usage.total and chunks <= both + 1)):
        return both
    return summed if is_short and completion < summed and chunks <= summed + 1 else completion


def _summed(answer: Answer) -> int:
    """Return the output tokens by the total, 0 where usage has none."""
    usage = answer.usage
    return max(0, (usage.total or 0) - usage.prompt) if usage.prompt is not None else 0


def _hidden(answer: Answer, output: int) -> int:
    """Return the counted tokens that were never sent: hidden reasoning.

    Reasoning may also be part of the answer: then the text is long enough for all tokens.
    """
    reasoning, size = answer.usage.reasoning or 0, _text_bytes(answer)
    visible = output - reasoning
    if not reasoning or answer.reasoning or visible < max(1, len(answer.chunks) - 1):
        return 0
    return reasoning if _oddness(size, visible) < _oddness(size, output) else 0


def _other_readings(answer: Answer, output: int, streamed: int) -> Iterator[int]:
    """Yield alternative counts if it is unclear whether usage includes reasoning."""
    usage, chunks, size = answer.usage, len(answer.chunks), _text_bytes(answer)
    completion, reasoning = usage.completion or 0, usage.reasoning or 0
    readings = {output}
    if reasoning and not answer.reasoning:
        readings.add(output - reasoning)
    if reasoning and not usage.total:
        readings.add(completion + reasoning)
    if not reasoning and completion and completion < (summed := _summed(answer)):
        readings |= {completion, summed}
    for tokens in readings - {streamed}:
        if chunks <= tokens + 1 and not _is_impossible(tokens, size, chunks):
            yield tokens


def _is_impossible(tokens: int, size: int, chunks: int) -> bool:
    """Return whether `size` bytes of text can't be `tokens` tokens."""
    return are_too_many(tokens, size, chunks) or size > MAX_BYTES * (tokens + SPECIAL_TOKENS)


def _oddness(size: int, tokens: int) -> float:
    """Return the absolute logarithm of bytes per token relative to the usual value."""
    return abs(math.log(max(1, size) / max(1, tokens) / USUAL_BYTES))


def _text_bytes(answer: Answer) -> int:
    return len((answer.text + answer.reasoning).encode())


def _conflict(answer: Answer, counted: TokenCount) -> str:
    """Return why `counted` contradicts the stream; empty if it doesn't."""
    if counted.source is TokenCountSource.CHUNKS:
        chunks, size = len(answer.chunks), _text_bytes(answer)
        if chunks >= MIN_STEPS and not MIN_BYTES * chunks <= size <= MAX_BYTES * chunks:
            return f"no count was sent, and {chunks} chunks of {size} bytes aren't one token each"
    return "" if counted.source.is_estimate else next(_conflicts(answer, counted), "")


def _conflicts(answer: Answer, counted: TokenCount) -> Iterator[str]:
    streamed, chunks, size = counted.streamed, len(answer.chunks), _text_bytes(answer)
    if chunks > max(1, streamed) + 1 or (chunks > streamed and chunks < MIN_STEPS):
        yield f"{chunks} chunks with text were received, but only {streamed} tokens were counted"
    if _is_impossible(streamed, size, chunks):
        yield f"{streamed} tokens were counted for {size} bytes of text"
    reasoning, size = answer.usage.reasoning or 0, len(answer.reasoning.encode())
    chunks = sum(bool(chunk.reasoning) for chunk in answer.chunks)
    if size and streamed == counted.output and are_too_many(reasoning, size, chunks):
        yield f"{reasoning} reasoning tokens were counted for {size} bytes of reasoning"
    predicted = answer.timings.get("predicted_n") or counted.output
    if abs(predicted - counted.output) > 1:
        yield f"usage counts {counted.output} tokens, the server's own timings {predicted:.0f}"


def are_too_many(tokens: int, size: int, chunks: int) -> bool:
    """Return whether `tokens` can't all be in the `size` bytes of text of so many chunks."""
    spare = tokens - SPECIAL_TOKENS
    return spare > size or (spare * MIN_BYTES > size and chunks < FEW_CHUNKS * tokens)


def _has_step_for_end(answer: Answer) -> bool:
    """Return whether the finish came one step after the last text: that of the end token."""
    stamps = [chunk.stamp_ns for chunk in answer.chunks]
    if answer.finished_ns is None or whole_reason(answer.finish_reason) != "stop":
        return False
    steps = [after - before for before, after in pairwise(stamps)]
    if len(steps) < MIN_STEPS or max(steps) > AGREES * sorted(steps)[len(steps) // 4]:
        # Else a longer step may have made two tokens of one chunk.
        return False
    return answer.finished_ns - stamps[-1] > 0.5 * median(steps) > 0


type _Spread = tuple[float, float]
"""Fewest and most."""


def _tokens_of_first(
    chunks: Sequence[TokenChunk], streamed: int, first_chunks: int
) -> tuple[float, _Spread]:
    """Return the tokens of the first `first_chunks` chunks, and the fewest and most they may be."""
    if first_chunks == len(chunks):
        return float(streamed), (streamed, streamed)
    if len(chunks) in (streamed, streamed - 1):
        return float(first_chunks), (first_chunks, first_chunks)
    by_text = max(streamed * _text_share(chunks, first_chunks), first_chunks)
    regular = first_chunks * _regular_size(streamed, len(chunks), by_text / first_chunks)
    doubt = 1 + first_chunks**-0.5
    if not regular or not 1 / AGREES <= by_text / regular <= AGREES:
        return by_text, (by_text / doubt, min(by_text * doubt, streamed))
    fits = abs(by_text - regular) <= REGULAR * regular
    if fits and _are_alike([_chars(chunk) for chunk in chunks], first_chunks):
        return float(regular), (regular, regular)
    return float(regular), (min(by_text, regular / doubt), max(by_text, regular * doubt))


def _chars(chunk: TokenChunk) -> int:
    return len(chunk.answer) + len(chunk.reasoning)


def _text_share(chunks: Sequence[TokenChunk], first_chunks: int) -> float:
    return sum(map(_chars, chunks[:first_chunks])) / sum(map(_chars, chunks))


def _are_alike(sizes: Sequence[int], first_chunks: int) -> bool:
    """Return whether all chunks but the last have as much text as each of the first ones."""
    *whole, last = sizes
    mean = sum(sizes[:first_chunks]) / first_chunks
    # Without a whole chunk after the first ones nothing shows that they are regular.
    is_shown = len(whole) > first_chunks
    return is_shown and last <= mean and all(abs(s - mean) <= REGULAR * mean for s in whole)


def _exact(chunks: Sequence[TokenChunk], streamed: int) -> list[int] | None:
    """Return the tokens up to each chunk where the server itself counts them, else None.

    The end token is in the count of the whole, or not.
    """
    counts = [chunk.counted or 0 for chunk in chunks]
    if not (all(counts) and counts == sorted(set(counts))):
        sizes = [chunk.tokens or 0 for chunk in chunks]
        counts = list(accumulate(sizes)) if all(sizes) else []
    return counts if counts and counts[-1] in (streamed, streamed - 1) else None


def _regular_size(tokens: int, chunks: int, by_text: float) -> int:
    """Return the tokens per chunk nearest to `by_text` that all but the last may have, else 0."""
    fewest, most = math.ceil(tokens / chunks), math.ceil(tokens / (chunks - 1)) - 1
    if fewest > most:
        return 0
    return min(max(round(by_text), fewest), most)
