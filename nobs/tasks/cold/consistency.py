"""Contradictions in reports of cold starts."""

from collections.abc import Iterator

from nobs.schema.enums import Status
from nobs.schema.report import ModelReport
from nobs.tasks.cold.figures import cold_of
from nobs.tasks.cold.lines import cold_contradictions


def find_cold_contradictions(model: ModelReport) -> Iterator[str]:
    """Yield starts that don't fit the repeats, and medians that don't follow from the starts."""
    cold = cold_of(model)
    if cold is not None:
        yield from cold_contradictions(cold, model.samples)
    elif model.status is Status.OK:
        yield "cold is missing, but the workload measures cold starts"
