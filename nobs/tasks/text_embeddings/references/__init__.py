"""Reference embeddings, made by `python -m tools.reference`."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pydantic import Base64Bytes, Field

from nobs.schema.base import Record


class Reference(Record):
    """The leading values of the embeddings of some texts by one model, in float32."""

    model: str
    revision: str | None
    """Commit of the hub's repository; None for packages."""
    weights: Mapping[str, str]
    """sha256 of each file of weights they were made with."""
    max_seq_length: int = Field(gt=0)
    made_with: Mapping[str, str]
    """Versions of the libraries."""
    dimensions: int = Field(gt=0)
    """How many leading values of each embedding are kept."""
    texts: tuple[str, ...]
    """The first 16 hex digits of each text's sha256."""
    values: Base64Bytes
    """float32, little-endian, a row of `dimensions` for each text."""


def find_references(model: str, revision: str | None, max_seq_length: int) -> tuple[Reference, ...]:
    """Return the references of a model at a revision and sequence length."""
    wanted = (model, revision, max_seq_length)
    return tuple(
        reference
        for reference in load_references()
        if (reference.model, reference.revision, reference.max_seq_length) == wanted
    )


@cache
def load_references() -> tuple[Reference, ...]:
    """Read all references included in NOBS."""
    stored = (path for path in files(__name__).iterdir() if path.name.endswith(".json"))
    return tuple(
        Reference.model_validate_json(path.read_bytes())
        for path in sorted(stored, key=lambda path: path.name)
    )
