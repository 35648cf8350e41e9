"""Cold starts as figures and a chart, and their contradictions."""

from collections.abc import Iterator

from nobs.tasks.cold import consistency as cold
from nobs.tasks.cold.figures import PROCESS_PARTS, first_result, parts_chart, steady
from nobs.tasks.diffusion.report import DiffusionModelReport

FIRST_RESULT = first_result(
    "first image",
    "from the start of a process to its first image, weights not in memory before",
)
STEADY = steady("median of the images after the first one in the same process")
PARTS = parts_chart(PROCESS_PARTS, "from the start of the process to the first image")


def find_cold_contradictions(model: DiffusionModelReport) -> Iterator[str]:
    """Yield starts that don't fit the repeats, and repeats of more than the first image."""
    yield from cold.find_cold_contradictions(model)
    if model.cold is not None and any(sample.units != 1 for sample in model.samples):
        yield "the units of a sample aren't the one first image of a process"
