"""Parse the raw bytes of one exchange into a record, after the stream ended."""

import itertools
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from nobs.tasks.chat.client.answer import Answer, read_answer
from nobs.tasks.chat.client.counts import TokenCount, count_tokens
from nobs.tasks.chat.client.exchange import End, Exchange
from nobs.tasks.chat.client.finish import failure_of_finish, whole_reason
from nobs.tasks.chat.client.framing import Head, MalformedResponse
from nobs.tasks.chat.client.record import (
    ChatFailure,
    ChatRecord,
    Figures,
    Percentiles,
    Stamps,
    TokenChunk,
)
from nobs.tasks.chat.client.response import (
    Failed,
    body_reads,
    error_message,
    incomplete,
    read_head,
    status_error,
    text_of_body,
)
from nobs.tasks.chat.client.sse import EventTooLarge, MalformedStream, Read, parse_events

TOGETHER_NS = 300_000
"""Maximum gap between chunks that arrived together."""
TOGETHER_SHARE = 0.05
"""Maximum gap between chunks that arrived together, as a share of the mean gap."""
COALESCED_SHARE = 1 / 3
"""A stream arrives in bursts if at least this share of its chunks arrived with the previous one.

Fewer are stalls: a busy machine delays single chunks until the next ones arrive."""
BURST_SHARE = 0.05
"""An answer that arrives in less than this share of its TTFT was buffered somewhere."""


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """The arrivals of an answer's tokens, each of one or several chunks."""

    sizes: tuple[int, ...]
    """Chunks per arrival."""
    is_coalesced: bool
    """Whether a proxy or the server delivers several chunks at once: then there is no ITL."""


def find_arrivals(stamps_ns: Sequence[int], sent_ns: int) -> Arrivals:
    """Return the arrivals of at least one chunk, with ascending stamps.

    Chunks with equal stamps arrived in one read. A burst may also take several reads, microseconds
    apart.
    """
    gaps = [after - before for before, after in pairwise(stamps_ns)]
    mean = sum(gaps) / len(gaps) if gaps else 0.0
    limit = min(TOGETHER_NS, TOGETHER_SHARE * mean)
    if mean <= TOGETHER_NS and sum(gaps) < BURST_SHARE * (stamps_ns[0] - sent_ns):
        limit = TOGETHER_NS
    sizes = [1]
    for gap in gaps:
        if gap <= limit:
            sizes[-1] += 1
        else:
            sizes.append(1)
    together = len(stamps_ns) - len(sizes)
    is_coalesced = together > 0 and together >= COALESCED_SHARE * len(gaps)
    return Arrivals(sizes=tuple(sizes), is_coalesced=is_coalesced)


def record_of(exchange: Exchange) -> ChatRecord:
    """Return the record of `exchange`; without usage, chunks are counted, as an estimate."""
    head: Head | None = None
    answer = Answer()
    try:
        head = read_head(exchange)
        answer = _read_body(exchange, head)
        _check_whole(exchange, head, answer)
        figures = _figures(exchange, answer)
    except Failed as failed:
        return ChatRecord(
            stamps=_stamps(exchange, answer),
            failure=failed.failure,
            error=str(failed),
            status=head.status if head else None,
            text=answer.text,
        )
    return ChatRecord(
        stamps=_stamps(exchange, answer), figures=figures, status=head.status, text=answer.text
    )


def _read_body(exchange: Exchange, head: Head) -> Answer:
    try:
        reads = list(body_reads(exchange, head))
        if head.status // 100 != 2:
            raise status_error(head, reads)
        if not _may_be_events(head, reads):
            raise _other_content(head, reads)
        return read_answer(parse_events(reads))
    except (MalformedResponse, MalformedStream, zlib.error) as error:
        raise Failed(ChatFailure.MALFORMED, str(error)) from error
    except EventTooLarge as error:
        raise Failed(ChatFailure.TOO_LARGE, str(error)) from error


def _may_be_events(head: Head, reads: list[Read]) -> bool:
    """Return whether the body is a stream of events, whatever the server calls it."""
    if head.content_type == "text/event-stream":
        return True
    start = b"".join(data for _, data in reads[:4]).lstrip()
    return start.startswith((b"data:", b"event:", b":", b"id:", b"retry:"))


def _other_content(head: Head, reads: list[Read]) -> Failed:
    text = text_of_body(reads)
    if (message := error_message(text)) is not None:
        return Failed(ChatFailure.SERVER_ERROR, message)
    kind = head.content_type or "no content type"
    return Failed(ChatFailure.NOT_A_STREAM, f"{kind} instead of an event stream: {text[:80]!r}")


def _check_whole(exchange: Exchange, head: Head, answer: Answer) -> None:
    """Raise unless the answer is complete, by `[DONE]` and finish_reason."""
    if answer.error is not None:
        raise Failed(ChatFailure.SERVER_ERROR, answer.error)
    if not answer.is_done and not _has_finished(exchange, head, answer):
        raise incomplete(exchange)
    _check_finish(answer)
    if answer.refusal:
        raise Failed(ChatFailure.REFUSAL, f"the model declined: {answer.refusal[:200]!r}")
    if not answer.chunks:
        raise Failed(ChatFailure.NO_TOKEN, "the answer has no token")


def _has_finished(exchange: Exchange, head: Head, answer: Answer) -> bool:
    """Return whether an answer without `[DONE]` is complete by its finish_reason."""
    if answer.finish_reason is None or exchange.end not in {End.COMPLETE, End.CLOSED}:
        return False
    # A reason before the last text can't distinguish an end from a broken connection.
    is_framed = exchange.end is End.COMPLETE and not head.ends_by_close
    return is_framed or not answer.has_text_after_finish


def _check_finish(answer: Answer) -> None:
    """Raise if the finish_reason isn't that of a complete answer.

    A reason that is always null is accepted if `[DONE]` ended the answer.
    """
    reason = answer.finish_reason
    if reason is None and not answer.has_finish_field:
        raise Failed(ChatFailure.NO_FINISH, "the answer ended without a finish_reason")
    if reason is not None and (failure := failure_of_finish(reason)):
        count = f"after {len(answer.chunks)} chunks of text"
        raise Failed(failure, f"the answer ended with finish_reason {reason[:80]!r} {count}")


def _stamps(exchange: Exchange, answer: Answer) -> Stamps:
    t0 = exchange.sent_ns
    return Stamps(
        sent_at_ns=t0,
        read_ns=tuple(stamp - t0 for stamp in exchange.stamps),
        read_bytes=tuple(len(data) for data in exchange.chunks),
        token_ns=tuple(chunk.stamp_ns - t0 for chunk in answer.chunks),
        ended_ns=exchange.ended_ns - t0,
    )


def _figures(exchange: Exchange, answer: Answer) -> Figures:
    t0, chunks = exchange.sent_ns, answer.chunks
    first, last = chunks[0].stamp_ns, chunks[-1].stamp_ns
    generation_time_s = (last - first) / 1e9
    arrivals = find_arrivals([chunk.stamp_ns for chunk in chunks], t0)
    count = count_tokens(answer, arrivals.sizes[0])
    # In bursts, the token that was generated last is known only to about one token.
    slack = count.streamed / len(chunks) if arrivals.is_coalesced else 0.0
    time_s = generation_time_s if len(arrivals.sizes) > 1 else 0.0
    rate = None if count.conflict else _rate(count.later, time_s)
    gaps_s = [(b.stamp_ns - a.stamp_ns) / 1e9 for a, b in itertools.pairwise(chunks)]
    chars = len(answer.text), len(answer.reasoning)
    return Figures(
        total_latency_s=(last - t0) / 1e9,
        stream_end_s=(exchange.ended_ns - t0) / 1e9,
        ttft_s=(first - t0) / 1e9,
        ttfat_s=_first_answer_s(chunks, t0),
        generation_time_s=generation_time_s,
        input_tokens=answer.usage.prompt,
        output_tokens=count.output,
        reasoning_tokens=answer.usage.reasoning,
        cached_tokens=answer.usage.cached,
        output_chars=chars[0],
        reasoning_chars=chars[1],
        streamed_tokens=count.streamed,
        first_tokens=count.first,
        tokens_per_sec=rate,
        tokens_per_sec_least=_rate(max(0.0, count.low - slack), time_s),
        tokens_per_sec_most=_rate(count.high + slack, time_s),
        chars_per_sec=_rate(sum(chars), generation_time_s),
        token_count_source=count.source,
        count_conflict=count.conflict,
        chunks=len(chunks),
        arrivals=len(arrivals.sizes),
        is_coalesced=arrivals.is_coalesced,
        tpot_s=1 / rate if rate else None,
        chunk_gaps=None if arrivals.is_coalesced else Percentiles.of(gaps_s),
        itl=_itl(gaps_s, count, len(chunks), is_coalesced=arrivals.is_coalesced),
        finish_reason=whole_reason(answer.finish_reason),
        model=answer.model,
        server_timings=answer.timings,
        unusable=tuple(sorted(answer.unusable | answer.usage.unusable)),
    )


def _itl(
    gaps_s: list[float], count: TokenCount, chunks: int, *, is_coalesced: bool
) -> Percentiles | None:
    """Return ITL; None if times or counts aren't those of tokens."""
    if is_coalesced or count.conflict:
        return None
    per_chunk = count.streamed / chunks
    return Percentiles.of([gap_s / per_chunk for gap_s in gaps_s])


def _first_answer_s(chunks: list[TokenChunk], t0: int) -> float | None:
    return next(((chunk.stamp_ns - t0) / 1e9 for chunk in chunks if chunk.has_answer), None)


def _rate(count: float, time_s: float) -> float | None:
    return count / time_s if time_s > 0 else None
