"""Chunk gaps and ITL pooled over answers, so that a stall of one answer is visible."""

from collections.abc import Sequence

from nobs.tasks.chat.aggregate import MAX_FAILED_SHARE
from nobs.tasks.chat.client.record import ChatRecord, Percentiles


def pool_gaps(records: Sequence[ChatRecord]) -> tuple[Percentiles | None, Percentiles | None]:
    """Return chunk gaps and ITL of all complete answers together.

    None if too many answers arrived in bursts: the others would be a biased selection.
    """
    whole = [record.figures for record in records if record.figures]
    if sum(figures.is_coalesced for figures in whole) > MAX_FAILED_SHARE * len(whole):
        return None, None
    gaps_s, token_gaps_s = gaps_of(records)
    return Percentiles.of(gaps_s), Percentiles.of(token_gaps_s)


def gaps_of(records: Sequence[ChatRecord]) -> tuple[list[float], list[float]]:
    """Return the times between chunks and tokens of the answers that didn't arrive in bursts.

    Answers with unknown token counts have no times between tokens.
    """
    gaps_s: list[float] = []
    token_gaps_s: list[float] = []
    for record in records:
        figures, stamps = record.figures, record.stamps
        if figures is None or stamps is None or figures.is_coalesced:
            continue
        found = stamps.gaps_s()
        gaps_s += found
        if not figures.count_conflict:
            per_chunk = figures.streamed_tokens / figures.chunks
            token_gaps_s += [gap_s / per_chunk for gap_s in found]
    return gaps_s, token_gaps_s
