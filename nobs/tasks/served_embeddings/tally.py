"""What is counted of the timed vectors."""

import math
from collections import Counter
from dataclasses import replace
from typing import Any

from nobs.tasks.served_embeddings.vectors import Answer, Fault


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
