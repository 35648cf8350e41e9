"""Cold starts: figures from starts, contradictions, and what is told of them."""

from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.errors import DataError
from nobs.schema.enums import Backend, Status
from nobs.schema.pins import ModelPin, RandomWeights, Source
from nobs.schema.result import Sample
from nobs.tasks.base import Work
from nobs.tasks.cold.lines import cold_warnings
from nobs.tasks.cold.report import ColdStart, ColdStarts
from nobs.tasks.text_embeddings.cold_bench import ColdBench
from nobs.tasks.text_embeddings.definition import DEFINITION
from nobs.tasks.text_embeddings.report import EmbeddingsModelReport
from tests.fakes.run_requests import pinned

WORKLOAD = pinned("embeddings", "cold-quick")


def start(first_s: float = 5.0, **changes: Any) -> ColdStart:
    values = {
        "first_result_s": first_s, "interpreter_s": 0.1, "import_s": 3.0, "load_s": 0.9,
        "first_pass_s": first_s - 4.0, "steady_pass_s": 0.05, "weights_cached": 0.0,
        "peak_rss_bytes": 1 << 30,
    }  # fmt: skip
    return ColdStart(**values | changes)


def model(*starts: ColdStart, samples: int | None = None, **changes: Any) -> EmbeddingsModelReport:
    count = len(starts) if samples is None else samples
    cold = ColdStarts.of(starts) if starts else None
    return EmbeddingsModelReport(
        model_name="m", device=Backend.CPU, status=Status.OK, rows_per_pass=1,
        cold=cold and cold.model_copy(update=changes),
        samples=tuple(
            Sample(start_s=10.0 * n, duration_s=8.0, units=1, cpu_time_s=8.0) for n in range(count)
        ),
    )  # fmt: skip


def faults(found: EmbeddingsModelReport) -> str:
    return "; ".join(DEFINITION.find_contradictions(found, WORKLOAD))


def test_figures_are_medians_of_the_starts() -> None:
    cold = ColdStarts.of((start(5.0), start(6.0), start(9.0, weights_cached=0.2)))

    assert (cold.final_median_first_result_s, cold.final_median_steady_pass_s) == (6.0, 0.05)
    assert cold.weights_cached == 0.2
    assert cold.memory.peak_rss_bytes == 1 << 30
    assert ColdStarts.of((start(weights_cached=None), start())).weights_cached is None


def test_honest_starts_have_no_contradictions() -> None:
    assert faults(model(start(5.0), start(6.0))) == ""


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (model(samples=1), "cold is missing"),
        (model(start(), samples=2), "cold has 1 starts for 2 samples"),
        (model(start(import_s=1.0)), "parts of start 1 don't add up"),
        (model(start(9.0)), "start 1 had its first result after its repeat ended"),
        (model(start(), final_median_first_result_s=1.0), "medians of cold don't follow"),
    ],
)
def test_starts_that_contradict_the_rest_are_named(
    found: EmbeddingsModelReport, message: str
) -> None:
    assert message in faults(found)


@pytest.mark.parametrize(
    ("cached", "message"),
    [(0.0, ""), (0.5, "Not cold: up to 50 %"), (None, "couldn't be dropped")],
)
def test_starts_that_were_not_cold_are_a_warning(cached: float | None, message: str) -> None:
    cold = ColdStarts.of((start(weights_cached=cached),))

    assert message in "".join(cold_warnings(cold))
    assert bool(list(cold_warnings(cold))) is bool(message)


def test_the_parts_of_the_median_start_are_shown() -> None:
    found = model(start(5.0), start(6.0), start(9.0))
    (line,) = DEFINITION.details(found)
    charts = {chart.key: chart for chart in DEFINITION.charts}

    assert line == (
        "  cold start: interpreter 100 ms, imports 3.00 s, weights 900 ms, first pass 2.00 s"
    )
    assert charts["cold_parts"].read(found) == pytest.approx([0.1 / 6, 0.5, 0.9 / 6, 2 / 6])


def test_random_weights_have_no_files_to_load_cold() -> None:
    name = WORKLOAD.models[0].id
    weights = RandomWeights(seed=1, architecture=load_catalog().architectures[name])
    pin = ModelPin(id=name, source=Source.RANDOM, random=weights)

    with pytest.raises(DataError, match="so it has no files to load cold"):
        ColdBench(Work(model=pin, inputs=("one",), workload=WORKLOAD))
