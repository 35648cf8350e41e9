"""Vectors of one request, or why there are none, and what is counted of all."""

import math
from array import array
from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

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


class Tally:
    """Counts what is wrong with timed vectors."""

    def __init__(self) -> None:
        self.failed: list[Answer] = []
        self._dimension: int | None = None
        self._norms: list[float] = []
        self._wrong: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()

    def take(self, answer: Answer) -> Answer:
        """Return `answer`, as a failure if its vectors have another length than the first one."""
        if answer.vectors:
            self._dimension = self._dimension or len(answer.vectors[0])
            answer = _of_dimension(answer, self._dimension)
        if isinstance(answer.failure, Fault):
            self._wrong[str(answer.failure)] += 1
        if answer.failure is not None:
            self.failed.append(answer)
            return answer
        norms = [math.sqrt(math.sumprod(vector, vector)) for vector in answer.vectors]
        ends = [*self._norms, *norms]
        self._norms = [min(ends), max(ends)]
        self._counts["vectors"] += len(norms)
        self._counts["reordered"] += answer.is_reordered
        self._counts["without_index"] += not answer.has_index
        return answer

    def figures(self) -> dict[str, Any]:
        """Return the fields of `VectorCheck` that are counted."""
        return {
            "dimension": self._dimension,
            "lowest_norm": self._norms[0] if self._norms else None,
            "highest_norm": self._norms[-1] if self._norms else None,
            "wrong": dict(sorted(self._wrong.items())),
            **{name: self._counts[name] for name in ("vectors", "reordered", "without_index")},
        }


def _of_dimension(answer: Answer, dimension: int) -> Answer:
    found = len(answer.vectors[0])
    if found == dimension:
        return answer
    error = f"vectors of {found} values after some of {dimension}"
    return replace(answer, failure=Fault.DIMENSION, error=error, vectors=())
