"""Vectors of one request, or why there are none."""

from array import array
from dataclasses import dataclass
from enum import StrEnum

from nobs.tasks.chat.client.record import ChatFailure

type Vector = array[float]


class Fault(StrEnum):
    """Why the vectors of an answer are wrong."""

    COUNT = "count"
    """Not one for each text."""
    INDEX = "index"
    """The indexes aren't those of the texts."""
    NOT_NUMBERS = "not-numbers"
    """Not a list of numbers, and no base64 of such."""
    NOT_FINITE = "not-finite"
    """NaN, infinite or null."""
    ZERO = "zero"
    """All values are 0."""
    DIMENSION = "dimension"
    """Of another length than the first vector."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The vectors of one request in the order of its texts, or why there are none."""

    sent_ns: int | None = None
    """None if no connection could be opened."""
    ended_ns: int | None = None
    """Arrival of the last byte."""
    failure: ChatFailure | Fault | None = None
    error: str = ""
    status: int | None = None
    vectors: tuple[Vector, ...] = ()
    tokens: int | None = None
    """Of all texts; None without a usable count."""
    model: str | None = None
    """As the answer names it."""
    is_reordered: bool = False
    has_index: bool = True
    is_base64: bool = False

    @property
    def latency_s(self) -> float | None:
        """From the request's first byte to the answer's last one; None of a failure."""
        if self.failure is not None or self.sent_ns is None or self.ended_ns is None:
            return None
        return (self.ended_ns - self.sent_ns) / 1e9
