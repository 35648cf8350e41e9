"""Verify embeddings by their cosine similarity to stored ones."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nobs.errors import NobsError
from nobs.schema.enums import Dtype
from nobs.tasks.base import Work
from nobs.tasks.text_embeddings.references import Reference, find_references
from nobs.tasks.text_embeddings.report import COSINE_THRESHOLDS

type Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


class WrongResult(NobsError):
    """The embeddings differ from the stored ones of this model and these texts."""


def digest_text(text: str) -> str:
    """Return the first 16 hex digits of the sha256 of `text`."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def facts_of_process(
    work: Work, said: Mapping[str, Any], max_seq_length: int, wrong: str
) -> dict[str, Any]:
    """Return the facts of a process that `said` the embedding of the first text, and settings.

    NobsError if the embedding isn't finite or isn't the stored one: then `wrong` is to be ignored.
    """
    model, dtype = work.model, Dtype(said["dtype"])
    embedding = np.array([said["embedding"]], dtype=np.float32)
    if not np.isfinite(embedding).all():
        raise NobsError(
            f"{model.id} returned values that are not finite.",
            f"The model is broken or the device computes wrongly; ignore the {wrong}.",
        )
    references = find_references(model.id, model.revision, max_seq_length)
    read = ("max_seq_length", "parameters", "parameter_device")
    return {
        "embedding_dimension": embedding.shape[1],
        "dtype": dtype,
        "rows_per_pass": 1,
        **{name: said[name] for name in read},
        "reference": check_embeddings(embedding, work.inputs[:1], references, dtype),
    }


def check_embeddings(
    embeddings: Floats, rows: Sequence[str], references: Iterable[Reference], dtype: Dtype
) -> dict[str, Any]:
    """Compare the embeddings of known texts with the stored ones.

    Raises WrongResult if a cosine is below the threshold. Texts without a reference are skipped.
    """
    known = {text: row for reference in references for text, row in _rows_of(reference)}
    digests = {row: digest_text(row) for row in set(rows)}
    pairs = [(number, known.get(digests[row])) for number, row in enumerate(rows)]
    found = [(number, row) for number, row in pairs if row is not None]
    if not found:
        return {"rows": 0}
    cosines = _cosines(embeddings, found)
    lowest, number = min(zip(cosines, (number for number, _ in found), strict=True))
    if not lowest >= COSINE_THRESHOLDS[dtype]:
        raise WrongResult(
            f"The embedding of row {number + 1} has cosine {lowest:.6f} to its reference; "
            f"{dtype} requires at least {COSINE_THRESHOLDS[dtype]}.",
            "Ignore the speed. Check the device, its driver and the libraries, and download the "
            "weights again.",
        )
    return {"rows": len(found), "lowest_cosine": lowest, "threshold": COSINE_THRESHOLDS[dtype]}


def _rows_of(reference: Reference) -> Iterable[tuple[str, Floats]]:
    values = np.frombuffer(reference.values, dtype="<f4").reshape(-1, reference.dimensions)
    return zip(reference.texts, values, strict=True)


def _cosines(embeddings: Floats, found: Sequence[tuple[int, Floats]]) -> list[float]:
    right = np.stack([row for _, row in found]).astype(np.float64)
    mine = embeddings[[number for number, _ in found], : right.shape[1]].astype(np.float64)
    lengths = np.linalg.norm(mine, axis=1) * np.linalg.norm(right, axis=1)
    return [float(cosine) for cosine in (mine * right).sum(axis=1) / lengths]
