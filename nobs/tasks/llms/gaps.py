"""Times between tokens, pooled over answers, so that one stall of one answer shows; pure."""

from collections.abc import Sequence

from nobs.tasks.llms.aggregate import MAX_FAILED_SHARE
from nobs.tasks.llms.client.record import ChatRecord, GapStats


def pool_gaps(records: Sequence[ChatRecord]) -> tuple[GapStats | None, GapStats | None]:
    """Return the gaps between chunks, and those between tokens, of all whole answers together.

    None where a proxy or the server delivered too many answers in lumps: the others would be a
    choice. Answers whose tokens aren't known have no gaps between tokens.
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
