"""The results of loading inputs and weights, for every task."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nobs.schema.result import DataEvidence, WeightsEvidence


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The inputs of a bench in the pinned order, with evidence of which they are."""

    rows: tuple[Any, ...]
    evidence: DataEvidence
    """A task may use a subclass with more fields."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """The directory of a model, and which weights it holds."""

    path: Path
    weights: WeightsEvidence
