"""Honest reports that somebody changed, and where in them."""

from collections.abc import Callable
from typing import Any

from nobs.report.validation import Validation, validate_document
from tests.fakes.honest_reports import Document, honest_document, sealed

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
GTE = "thenlper/gte-large"
type Change = Callable[[Document], object]


def model_of(document: Document, name: str = MINILM) -> Document:
    model: Document = document["tasks"][0]["models"][name]
    return model


def workload_of(document: Document) -> Document:
    workload: Document = document["tasks"][0]["workload"]
    return workload


def meter_of(document: Document, figure: str) -> Document:
    found: Document = model_of(document)["telemetry"]["devices"][0][figure]
    return found


def validate_changed(change: Change, **words: Any) -> Validation:
    """Rule on an honest report that somebody changed, digest included."""
    document = honest_document(**words)
    change(document)
    return validate_document(sealed(document))
