"""The older report that an imported one was made from."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from nobs.schema.base import Record


class OriginKind(StrEnum):
    """Program that wrote an imported report."""

    NOBS = "nobs"
    """The first NOBS."""
    LAPERF = "laperf"
    """Its successor."""


class Origin(Record):
    """Source of an imported report."""

    kind: OriginKind
    file: str
    """Name of the older report."""
    file_sha256: str
    timestamp: str
    """As in the older report, without a zone."""
    imported_by: str
    """Version of NOBS that imported it."""
    kept: dict[str, Any] = Field(default_factory=dict)
    """Content of the older report that has no place in this schema, unchanged: host, power of the
    whole session, means and deviations, CUDA's version, output of lscpu. Percentiles of a single
    repeat are left out."""
