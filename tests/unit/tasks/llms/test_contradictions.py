"""Reports of a served model that can't be true."""

from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.schema.result import Sample
from nobs.tasks.llms import DEFINITION
from nobs.tasks.llms.report import LlmModelReport
from tests.unit.tasks.llms.test_aggregate import failed, report_of, whole

WORKLOAD = load_catalog().workload("llms", "standard")


def honest(**change: Any) -> LlmModelReport:
    """One repeat of three prompts; `change` is what the first request says instead."""
    run = [whole(1, 2.0, 1.0, 100) | change, whole(2, 5.0, 1.0, 200), failed(3)]
    sample = Sample(start_s=0, duration_s=7.5, units=300, cpu_time_s=0)
    report = report_of([run], max_output_tokens=2048, temperature=0.0)
    return report.model_copy(update={"samples": (sample,)})


def faults(report: LlmModelReport) -> list[str]:
    return list(DEFINITION.find_contradictions(report, WORKLOAD))


def test_an_honest_report_has_none() -> None:
    assert faults(honest()) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"ttft_s": 2.5}, "its first token doesn't lie within its latency"),
        ({"generation_time_s": 1.5}, "generation_time_s isn't total_latency_s less ttft_s"),
        ({"tokens_per_sec": 120.0}, "tokens_per_sec isn't output_tokens over generation_time_s"),
        ({"failure": "cut"}, "it has either a failure or times"),
        ({"total_latency_s": None}, "it has either a failure or times"),
        ({"prompt": 2}, "its prompts aren't the 3 of the workload"),
    ],
)
def test_a_request_that_can_not_be_is_named(change: dict[str, Any], fault: str) -> None:
    assert any(
        fault in found and found.startswith("repeat 1") for found in faults(honest(**change))
    )


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"max_output_tokens": 64}, "max_output_tokens is 64, the workload asks for 2048"),
        ({"temperature": 1.0}, "temperature is 1.0, the workload asks for 0.0"),
        ({"server": None}, "no server is told"),
        ({"all_runs": ()}, "0 repeats stand beside 1 samples"),
        (
            {"samples": (Sample(start_s=0, duration_s=6.0, units=1, cpu_time_s=0),)},
            "repeat 1: its answers take longer than it",
        ),
    ],
)
def test_a_report_that_can_not_be_is_told(change: dict[str, Any], fault: str) -> None:
    assert faults(honest().model_copy(update=change)) == [fault]
