"""What functions that find or fetch inputs and weights return, whatever the task."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nobs.schema.result import DataEvidence, WeightsEvidence


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a bench computes on, in the pinned order, and which inputs they are."""

    rows: tuple[Any, ...]
    evidence: DataEvidence
    """May be of a subclass that adds fields."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """The directory of a model, and which weights it holds."""

    path: Path
    weights: WeightsEvidence
