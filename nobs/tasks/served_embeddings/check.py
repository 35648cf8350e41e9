"""Whether vectors can be right: by stored ones, by texts sent alone, by related texts."""

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import pairwise

from nobs.providers.model_names import names_same_model
from nobs.schema.enums import Dtype
from nobs.schema.server import ServerRef
from nobs.tasks.served_embeddings.report import Base64Answer, StoredCheck, VectorCheck
from nobs.tasks.served_embeddings.vectors import Answer, Fault, Vector
from nobs.tasks.text_embeddings.references import Reference, load_references
from nobs.tasks.text_embeddings.report import COSINE_THRESHOLDS
from nobs.units import format_share

STORED_THRESHOLD = COSINE_THRESHOLDS[Dtype.BFLOAT16]
"""Minimum cosine to a stored vector: the widest of the number formats that aren't quantized."""
ALONE_THRESHOLD = 0.98
"""Minimum cosine of a text's vectors in two requests; other batches change the rounding only."""
ALONE_TEXTS = 16
RELATED_TRIALS = 32
MIN_RELATED = 0.8
"""Share of right trials below which vectors are suspect.

Chance reaches 26 of 32 in one of 3,700 runs; all-MiniLM-L6-v2 has 32.
"""
SAME_COSINE = 0.9999
MIN_ALIKE = 3
"""Texts with the very same highest count of tokens that show a limit."""
MIN_SPREAD = 1.2
"""Ratio of the lengths of the longest and the shortest of those."""


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the cosine of two vectors of the same length; 0 for other lengths or a zero vector."""
    if len(one) != len(other):
        return 0.0
    norms = math.sqrt(math.sumprod(one, one) * math.sumprod(other, other))
    return math.sumprod(one, other) / norms if norms else 0.0


class StoredVectors:
    """The stored vectors of one model, by text."""

    def __init__(self, model: str, max_seq_length: int, texts: Iterable[str]) -> None:
        self.model = model
        digests = {sha256(text.encode()).hexdigest()[:16]: text for text in texts}
        self._vectors: dict[str, Vector] = {
            digests[digest]: vector
            for reference in load_references()
            if (reference.model, reference.max_seq_length) == (model, max_seq_length)
            for digest, vector in _rows_of(reference)
            if digest in digests
        }
        self.rows = 0
        self.lowest: float | None = None

    def compare(self, texts: Sequence[str], vectors: Sequence[Vector]) -> None:
        """Take the vectors of `texts` into account."""
        for text, vector in zip(texts, vectors, strict=True):
            if (stored := self._vectors.get(text)) is not None:
                found = cosine(vector[: len(stored)], stored)
                self.rows += 1
                self.lowest = found if self.lowest is None else min(self.lowest, found)

    def result(self, *, expected: bool) -> StoredCheck | None:
        """Return the comparison; None if no text has a stored vector."""
        if not self._vectors:
            return None
        return StoredCheck(
            model=self.model, expected=expected, rows=self.rows, lowest_cosine=self.lowest,
            threshold=STORED_THRESHOLD,
        )  # fmt: skip


def _rows_of(reference: Reference) -> Iterator[tuple[str, Vector]]:
    values, size = array("d", array("f", reference.values)), reference.dimensions
    for row, digest in enumerate(reference.texts):
        yield digest, values[row * size : (row + 1) * size]


def has_model(stored: str, wanted: str, server: ServerRef) -> bool:
    """Return whether the model that was `wanted` of `server` is that of the stored vectors.

    A server may have it under a name of its own, which the catalogue knows.
    """
    names = (wanted, server.model)
    return any(names_same_model(stored, name, server.identity) for name in names)


def judge_related(wholes: Sequence[Vector], beginnings: Sequence[Vector]) -> int:
    """Return in how many trials a text's beginning is nearer to it than to the next text."""
    pairs = zip([*pairwise(wholes), (wholes[-1], wholes[0])], beginnings, strict=True)
    return sum(
        cosine(beginning, own) > cosine(beginning, other) for (own, other), beginning in pairs
    )


def judge_base64(asked: Answer, known: Sequence[Vector]) -> Base64Answer:
    """Return what came back for texts whose vectors are known."""
    if asked.failure is not None and not isinstance(asked.failure, Fault):
        return Base64Answer.REFUSED
    alike = len(asked.vectors) == len(known) and all(
        cosine(one, other) >= SAME_COSINE for one, other in zip(asked.vectors, known, strict=True)
    )
    if not alike:
        return Base64Answer.DIFFERENT
    return Base64Answer.SAME if asked.is_base64 else Base64Answer.IGNORED


def find_limit(tokens: Mapping[str, int], context: int | None) -> tuple[int | None, int]:
    """Return the tokens at which texts seem to be truncated, and how many were.

    `tokens` are those of texts that were sent alone. Several texts of different lengths that have
    the very same highest count were cut to it.
    """
    if not tokens:
        return None, 0
    most = max(tokens.values())
    lengths = [len(text) for text, count in tokens.items() if count == most]
    is_full = context is not None and most >= context
    is_plateau = len(lengths) >= MIN_ALIKE and max(lengths) > MIN_SPREAD * min(lengths)
    return (most, len(lengths)) if is_full or is_plateau else (None, 0)


def find_suspicions(check: VectorCheck) -> Iterator[str]:
    """Yield why the vectors are suspect, one clause each."""
    if wrong := sum(check.wrong.values()):
        kinds = ", ".join(f"{count} {name}" for name, count in check.wrong.items())
        yield f"{wrong} answers have wrong vectors ({kinds})"
    stored = check.stored
    lowest = stored.lowest_cosine if stored and stored.expected else None
    if stored and lowest is not None and not lowest >= stored.threshold:
        yield (
            f"a vector has cosine {lowest:.4f} to the stored one of {stored.model}, at least"
            f" {stored.threshold} is needed"
        )
    if check.lowest_alone_cosine is not None and not check.lowest_alone_cosine >= ALONE_THRESHOLD:
        yield (
            f"the vector of a text has cosine {check.lowest_alone_cosine:.4f} to that of the same"
            f" text sent alone, at least {ALONE_THRESHOLD} is needed"
        )
    if check.related and check.related_right < MIN_RELATED * check.related:
        yield (
            f"{check.related_right} of {check.related} texts are nearer to their own beginning than"
            f" to another text's, at least {format_share(MIN_RELATED, 0)} are needed"
        )
    if check.base64 is Base64Answer.DIFFERENT:
        yield "vectors in base64 differ from those as numbers"
