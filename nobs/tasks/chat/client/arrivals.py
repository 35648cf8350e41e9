"""Arrival times of tokens: chunks that arrived together, and streams in bursts."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

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
