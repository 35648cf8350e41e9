"""Cold starts as text; their warnings and contradictions."""

import math
from collections.abc import Iterator

from nobs.schema.enums import Status
from nobs.schema.report import ModelReport
from nobs.tasks.cold.report import Starts
from nobs.units import format_seconds, format_share

MOST_CACHED = 0.05
"""Share of the model's files in memory up to which a start counts as cold."""


def cold_line(cold: Starts) -> str:
    """Return the parts of the median start."""
    parts = cold.middle.parts().items()
    shown = ", ".join(f"{name} {format_seconds(seconds)}" for name, seconds in parts)
    return f"  cold start: {shown}"


def cold_warnings(cold: Starts | None) -> Iterator[str]:
    """Yield that starts weren't cold, or may not have been."""
    if cold is None:
        return
    if cold.weights_cached is None:
        yield "The page cache couldn't be dropped or read: the weights may have been in memory."
    elif cold.weights_cached > MOST_CACHED:
        share = format_share(cold.weights_cached, 0)
        yield f"Not cold: up to {share} of the model's files were in memory before a start."


def find_cold_contradictions(model: ModelReport, cold: Starts | None) -> Iterator[str]:
    """Yield starts that don't fit the repeats, and medians that don't follow from the starts."""
    if cold is None:
        if model.status is Status.OK:
            yield "cold is missing, but the workload measures cold starts"
        return
    if len(cold.each) != len(model.samples):
        yield f"cold has {len(cold.each)} starts for {len(model.samples)} samples"
    for number, (start, sample) in enumerate(zip(cold.each, model.samples, strict=False), start=1):
        if not math.isclose(sum(start.parts().values()), start.first_result_s, rel_tol=1e-6):
            yield f"the parts of start {number} don't add up to its first_result_s"
        if start.first_result_s > sample.duration_s:
            yield f"start {number} had its first result after its repeat ended"
    if cold.each and cold.recomputed() != cold:
        yield "the medians of cold don't follow from its starts"
