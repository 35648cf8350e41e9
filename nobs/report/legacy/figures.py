"""Medians, CIs and scores of imported repeats; `nobs validate` recomputes them here."""

from collections.abc import Sequence
from statistics import median

from nobs.report.legacy.report import LegacyModelReport, LegacyRun
from nobs.schema.report import Interval
from nobs.tasks.score import calculate_score

FIGURES = {
    "encoding_time_seconds": "encoding_time_interval",
    "rows_per_second": None,
    "latency_s": "latency_interval",
    "ttft_s": "ttft_interval",
    "tokens_per_sec": "tokens_per_sec_interval",
}
"""Field of a run -> field with the CI of its median."""


def figures_of(runs: Sequence[LegacyRun]) -> dict[str, object]:
    """Return the medians of the runs with their CIs."""
    figures: dict[str, object] = {}
    for name, interval in FIGURES.items():
        values = [value for run in runs if (value := getattr(run, name)) is not None]
        if values:
            figures[f"final_median_{name}"] = median(values)
        if interval and (found := Interval.of_repeats(values)):
            figures[interval] = found
    return figures


def score_of(models: Sequence[LegacyModelReport], units: int) -> float | None:
    """Return the score by today's formula; `units` are the prompts of a served model."""
    times = [model.final_median_encoding_time_seconds for model in models]
    encoding = [time for time in times if time]
    if encoding:
        return calculate_score(len(encoding), sum(encoding))
    latency = sum(model.final_median_latency_s or 0.0 for model in models)
    return calculate_score(units, latency) if latency else None
