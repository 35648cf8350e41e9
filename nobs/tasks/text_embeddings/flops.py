"""Model FLOPs of encoders from real token lengths: matrix products only, a multiply-add is two."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

BERT_LIKE = frozenset({"bert", "camembert", "roberta", "xlm-roberta"})
FIT_LENGTHS = (16, 32, 64)
"""Lengths at which the FLOPs of a model without a formula are counted."""


@dataclass(frozen=True, kw_only=True)
class FlopModel:
    """FLOPs of a row of s tokens: `per_row + s * (per_token + per_pair * s + local)`.

    `local` is `windowed * min(s, window)`: layers with sliding-window attention.
    """

    method: str
    per_token: float
    per_pair: float
    per_row: float = 0.0
    windowed: float = 0.0
    window: int = 0

    def of_row(self, tokens: int) -> float:
        """Return the FLOPs of one row of `tokens`."""
        local = self.windowed * min(tokens, self.window)
        return self.per_row + tokens * (self.per_token + self.per_pair * tokens + local)

    def of_rows(self, lengths: Iterable[int]) -> float:
        """Return the FLOPs of rows of these lengths."""
        return sum(map(self.of_row, lengths))


def from_config(config: Mapping[str, Any]) -> FlopModel | None:
    """Return the formula for a transformers configuration; None if its architecture has none."""
    kind = config.get("model_type")
    if kind in BERT_LIKE:
        return _bert(config)
    if kind == "modernbert":
        return _modernbert(config)
    return None


def from_counts(counts: Mapping[int, float]) -> FlopModel:
    """Return the parabola through the FLOPs counted at three lengths: exact for full attention."""
    (s1, f1), (s2, f2), (s3, f3) = sorted(counts.items())
    slope1, slope2 = (f2 - f1) / (s2 - s1), (f3 - f2) / (s3 - s2)
    per_pair = (slope2 - slope1) / (s3 - s1)
    per_token = slope1 - per_pair * (s1 + s2)
    return FlopModel(
        method="counted by torch",
        per_pair=per_pair,
        per_token=per_token,
        per_row=f1 - per_token * s1 - per_pair * s1**2,
    )


def _bert(config: Mapping[str, Any]) -> FlopModel:
    layers, hidden = config["num_hidden_layers"], config["hidden_size"]
    return FlopModel(
        method="formula of BERT",
        per_token=2 * layers * (4 * hidden**2 + 2 * hidden * config["intermediate_size"]),
        per_pair=4 * layers * hidden,
    )


def _modernbert(config: Mapping[str, Any]) -> FlopModel:
    """Return the formula with alternating window attention and a gated (3-matrix) MLP."""
    layers, hidden = config["num_hidden_layers"], config["hidden_size"]
    local = sum(kind == "sliding_attention" for kind in config["layer_types"])
    return FlopModel(
        method="formula of ModernBERT",
        per_token=2 * layers * (4 * hidden**2 + 3 * hidden * config["intermediate_size"]),
        per_pair=4 * hidden * (layers - local),
        windowed=4 * hidden * local,
        window=config["local_attention"],
    )
