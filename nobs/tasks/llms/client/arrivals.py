"""When tokens arrived: chunks that came together, and streams that come in lumps."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

TOGETHER_NS = 300_000
"""Chunks further apart than this did not come together."""
TOGETHER_SHARE = 0.05
"""Nor did those further apart than this share of the mean gap."""
COALESCED_SHARE = 1 / 3
"""A stream comes in lumps if at least this share of its chunks came with the one before.

A busy machine delays single chunks until the next ones come; that is a stall, not a lump."""
BURST_SHARE = 0.05
"""An answer that comes in less than this share of the wait for it was held back somewhere."""


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """The arrivals of an answer's tokens, each of one chunk or several."""

    sizes: tuple[int, ...]
    """Chunks that came with each arrival."""
    is_coalesced: bool
    """Whether a proxy or the server delivers several chunks at once: the times between chunks are
    then not those between tokens."""


def find_arrivals(stamps_ns: Sequence[int], sent_ns: int) -> Arrivals:
    """Return the arrivals of at least one chunk, whose stamps never fall.

    Chunks with one stamp came in one read. A lump may also come in several reads, microseconds
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
