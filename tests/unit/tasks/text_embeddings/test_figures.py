"""What tables and charts read of an embedding model."""

from typing import Any

import pytest

from nobs.tasks.charts import Point
from nobs.tasks.figures import Measured
from nobs.tasks.text_embeddings.definition import DEFINITION
from nobs.tasks.text_embeddings.figures import MFU, RATE
from nobs.tasks.text_embeddings.report import EmbeddingsModelReport

PARTS = {
    "tokenise_s": 1.0,
    "copy_in_s": 0.5,
    "forward_s": 2.0,
    "copy_out_s": 0.25,
    "other_s": 0.25,
}
PHASES = {"rows": 1, "batches": 1, "all_batches": 1, "host_share": 0.5} | PARTS
INTERVAL = {"low": 1.0, "high": 4.0, "confidence": 0.96, "method": "order statistics"}
CHARTS = {chart.key: chart for chart in DEFINITION.charts}


def model(**fields: Any) -> EmbeddingsModelReport:
    return EmbeddingsModelReport.model_validate(
        {"model_name": "m", "device": "cpu", "status": "ok"} | fields
    )


def phases(told: EmbeddingsModelReport) -> list[Any]:
    chart = CHARTS["phases"]
    return list(chart.read(told))


def test_the_interval_of_a_rate_follows_from_the_time_of_a_pass() -> None:
    sample = {"start_s": 0.0, "duration_s": 2.0, "units": 100, "cpu_time_s": 0.0}
    fields = {"final_median_rows_per_second": 50.0, "encoding_time_interval": INTERVAL}
    expected = Measured(value=50.0, low=25.0, high=100.0, confidence=0.96)

    assert RATE.read(model(samples=[sample], **fields)) == expected
    assert RATE.read(model(rows_per_pass=100, **fields)) == expected
    assert RATE.read(model(**fields)) == Measured(value=50.0)


def test_the_interval_of_a_share_is_that_of_the_time() -> None:
    utilisation = {"model_flop_per_s": 1.0, "padded_flop_per_s": 1.0, "mfu": 0.4}
    told = model(
        final_median_encoding_time_seconds=2.0, utilisation=utilisation,
        encoding_time_interval=INTERVAL,
    )  # fmt: skip

    assert MFU.read(told) == Measured(value=0.4, low=0.2, high=0.8, confidence=0.96)


@pytest.mark.parametrize("end", [0.0, -1.0, 5e-324])
def test_an_interval_that_makes_no_sense_is_none(end: float) -> None:
    told = model(
        final_median_rows_per_second=5e300, rows_per_pass=10**17,
        encoding_time_interval=INTERVAL | {"low": end},
    )  # fmt: skip

    assert RATE.read(told) == Measured(value=5e300)


def test_the_phases_of_a_pass_are_shares() -> None:
    assert phases(model(encode_phases=PHASES)) == [0.25, 0.125, 0.5, 0.0625, 0.0625]


@pytest.mark.parametrize("change", [{"forward_s": -1.0}, dict.fromkeys(PARTS, 0.0)])
def test_phases_that_are_not_whole_are_none(change: dict[str, float]) -> None:
    assert phases(model(encode_phases=PHASES | change)) == []


def test_a_trial_that_failed_says_so() -> None:
    trials = [
        {"dtype": "bfloat16", "attention": "sdpa", "batch_size": 64, "outcome": "out of memory",
         "rows_per_s": None},
        {"dtype": "float32", "attention": None, "batch_size": 8, "outcome": "ok",
         "rows_per_s": 3.0},
        {"dtype": "float32", "attention": None, "batch_size": 0, "outcome": "ok",
         "rows_per_s": 3.0},
    ]  # fmt: skip
    tuning = {"stopped_by": "the end", "duration_s": 1.0, "min_rows": 1, "trials": trials}
    chart = CHARTS["trials"]

    assert chart.read(model(tuning=tuning)) == [
        Point(x=64, y=None, series="bfloat16, sdpa", text="out of memory"),
        Point(x=8, y=3.0, series="float32"),
    ]


def test_workloads_of_the_same_work_are_pairs_of_one_version() -> None:
    chart = CHARTS["settings"]

    assert chart.pair_of("embeddings/2") == ("embeddings/2", "embeddings-max/2")
    assert chart.pair_of("embeddings-max-quick/1") == (
        "embeddings-quick/1", "embeddings-max-quick/1",
    )  # fmt: skip
    assert chart.pair_of("other/1") is None


def test_settings_are_told_in_words() -> None:
    told = model(dtype="bfloat16", batch_size=64, attention_implementation="sdpa")

    assert DEFINITION.settings(told) == "bfloat16, batch 64, sdpa"
    assert DEFINITION.settings(model()) == ""
