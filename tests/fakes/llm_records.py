"""Records of requests under load, with known stamps."""

from collections.abc import Callable

from nobs.tasks.chat.client.record import (
    ChatFailure,
    ChatRecord,
    Figures,
    Stamps,
    TokenCountSource,
)

MS = 1_000_000


def answered(
    sent_ms: float, *token_ms: float, tokens: int = 10, input_tokens: int | None = 1
) -> ChatRecord:
    """An answer whose tokens came so long after its request went out at `sent_ms`."""
    figures = Figures(
        total_latency_s=token_ms[-1] / 1e3, stream_end_s=token_ms[-1] / 1e3,
        ttft_s=token_ms[0] / 1e3, ttfat_s=None, generation_time_s=1.0,
        input_tokens=input_tokens, output_tokens=tokens, reasoning_tokens=None,
        output_chars=1, reasoning_chars=0,
        streamed_tokens=tokens, first_tokens=1.0, tokens_per_sec=1.0, tokens_per_sec_least=1.0,
        tokens_per_sec_most=1.0, chars_per_sec=1.0, token_count_source=TokenCountSource.USAGE,
        chunks=len(token_ms), arrivals=len(token_ms), is_coalesced=False, tpot_s=None,
        chunk_gaps=None,
        itl=None, finish_reason="stop", model=None,
    )  # fmt: skip
    stamps = Stamps(
        sent_at_ns=int(sent_ms * MS), token_ns=tuple(int(ms * MS) for ms in token_ms),
        ended_ns=int(token_ms[-1] * MS),
    )  # fmt: skip
    return ChatRecord(stamps=stamps, figures=figures)


def failed(sent_ms: int, ended_ms: int) -> ChatRecord:
    stamps = Stamps(sent_at_ns=sent_ms * MS, ended_ns=ended_ms * MS)
    return ChatRecord(stamps=stamps, failure=ChatFailure.CUT, error="cut")


def closed(clients: int, latency_ms: Callable[[int], int], count: int = 120) -> list[ChatRecord]:
    """Requests of a closed loop whose clients send one after the other."""
    free_ms = [0] * clients
    records = []
    for number in range(count):
        client = free_ms.index(min(free_ms))
        took_ms = latency_ms(number)
        records.append(answered(free_ms[client], took_ms // 2, took_ms))
        free_ms[client] += took_ms
    return records
