"""What tables and charts read of a served model."""

from typing import Any

import pytest

from nobs.schema.enums import Backend, Status
from nobs.tasks.charts import Point
from nobs.tasks.llms.definition import DEFINITION
from nobs.tasks.llms.report import LlmModelReport
from tests.fakes.reports import level

CHARTS = {chart.key: chart for chart in DEFINITION.charts}


def model(**fields: Any) -> LlmModelReport:
    return LlmModelReport(
        model_name="m", device=Backend.CPU, status=Status.OK,
        **LlmModelReport.model_validate(
            {"model_name": "m", "device": "cpu", "status": "ok"} | fields
        ).model_dump(include=set(fields)),
    )  # fmt: skip


def points(key: str, told: LlmModelReport) -> list[Point]:
    return [point for point in CHARTS[key].read(told) if isinstance(point, Point)]


def test_the_levels_of_load_are_read_as_far_as_they_make_sense() -> None:
    levels = [
        level(2, 0.5), level(1, 1.0) | {"concurrency": 0},
        level(1, 1.0) | {"concurrency": None, "rate_per_s": 1.0},
        level(4, 1.0) | {"median_ttft_s": None},
    ]  # fmt: skip
    told = model(load={"levels": levels, "arrivals": "constant", "seed": 1, "knee": None})

    assert points("loads", told) == [Point(x=2, y=50.0), Point(x=4, y=200.0)]
    assert points("load_ttfts", told) == [Point(x=2, y=0.4, high=1.2)]


def test_only_whole_answers_are_marks() -> None:
    prompts = [{"prompt": 1, "output_tokens": 10, "total_latency_s": 2.0},
               {"prompt": 2, "failure": "short"}]  # fmt: skip
    run = {
        "median_latency_s": 2.0, "median_ttft_s": 1.0, "median_tokens_per_sec": None,
        "total_input_tokens": None, "total_output_tokens": 10, "failed": 1, "prompts": prompts,
    }  # fmt: skip

    assert points("requests", model(all_runs=[run])) == [Point(x=10, y=2.0)]


@pytest.mark.parametrize(
    ("identity", "told"),
    [
        ({"id": "m", "quantization": "Q4_1", "runtime": "llama.cpp"}, "Q4_1, llama.cpp"),
        ({"id": "m"}, "openai"),
        (None, "openai"),
    ],
)
def test_settings_are_what_the_server_says(identity: dict[str, str] | None, told: str) -> None:
    server = {"provider": "openai", "base_url": "http://127.0.0.1:1/v1", "model": "m",
              "identity": identity}  # fmt: skip

    assert DEFINITION.settings(model(server=server)) == told
    assert DEFINITION.settings(model()) == ""
