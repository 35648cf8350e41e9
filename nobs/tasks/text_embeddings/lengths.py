"""Batches as `encode` forms them, with real and padded lengths."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched


@dataclass(frozen=True, kw_only=True)
class Batches:
    """Rows of each batch, longest text first, and tokens of each row."""

    rows: tuple[tuple[int, ...], ...]
    """Indices of the rows of each batch."""
    lengths: tuple[int, ...]
    """Tokens of each row after truncation, by row."""
    is_padded: bool = True
    """False if the attention kernel needs no padding."""

    @property
    def padded(self) -> list[int]:
        """Padded length of each row, batch by batch."""
        return [tokens for batch in self.rows for tokens in self.padded_batch(batch)]

    def padded_batch(self, batch: Sequence[int]) -> list[int]:
        """Return the padded lengths of the rows of `batch`."""
        lengths = [self.lengths[row] for row in batch]
        return [max(lengths)] * len(batch) if self.is_padded else lengths

    def spread(self, share: float) -> tuple[tuple[int, ...], ...]:
        """Return about this share of the batches, evenly spaced from long to short; at least one.

        The last batch is taken only with all others: it may hold fewer rows.
        """
        count = int(len(self.rows) * share)
        if count >= len(self.rows):
            return self.rows
        step = len(self.rows) / max(1, count)
        return tuple(self.rows[int((n + 0.5) * step)] for n in range(max(1, count)))


def make_batches(
    texts: Sequence[str], lengths: Sequence[int], size: int, *, is_padded: bool = True
) -> Batches:
    """Sort as `encode` does, by characters, and cut into batches of `size`."""
    order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
    rows = tuple(batched(order, size))
    return Batches(rows=rows, lengths=tuple(lengths), is_padded=is_padded)
