"""Chunk gaps and ITL pooled over answers, so that a stall of one answer is visible."""

from collections.abc import Sequence

from nobs.tasks.chat.aggregate import MAX_FAILED_SHARE
from nobs.tasks.chat.client.record import ChatRecord, GapStats


def pool_gaps(records: Sequence[ChatRecord]) -> tuple[GapStats | None, GapStats | None]:
    """Return chunk gaps and ITL of all complete answers together.

    None if too many answers arrived in bursts: the others would be a biased selection. Answers with
    unknown token counts have no ITL.
    """
    whole = [(r.figures, r.stamps) for r in records if r.figures and r.stamps]
    clear = [(figures, stamps) for figures, stamps in whole if not figures.is_coalesced]
    if len(whole) - len(clear) > MAX_FAILED_SHARE * len(whole):
        return None, None
    gaps_s: list[float] = []
    token_gaps_s: list[float] = []
    for figures, stamps in clear:
        found = stamps.gaps_s()
        gaps_s += found
        if not figures.count_conflict:
            per_chunk = figures.streamed_tokens / figures.chunks
            token_gaps_s += [gap_s / per_chunk for gap_s in found]
    return GapStats.of(gaps_s), GapStats.of(token_gaps_s)
