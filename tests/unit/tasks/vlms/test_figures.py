"""Lines and pictures of a VLM's report."""

from typing import Any

import pytest

from nobs.schema.enums import Backend, Status
from nobs.schema.report import Interval
from nobs.tasks.charts import Picture
from nobs.tasks.vlms.definition import DEFINITION
from nobs.tasks.vlms.report import OneImageLevel, PictureCheck, SizeFigures, VlmModelReport


def check(picture: str, side: int = 448, **more: Any) -> PictureCheck:
    return PictureCheck(
        **{
            "picture": picture, "width": side, "height": side, "question": "How many?",
            "answer": "7", "is_right": True, "blank_answer": "none", "is_blank_right": False,
        } | more
    )  # fmt: skip


def model(**fields: Any) -> VlmModelReport:
    return VlmModelReport(model_name="m", device=Backend.CPU, status=Status.OK, **fields)


def pictures_of(report: VlmModelReport) -> list[Any]:
    (chart,) = (chart for chart in DEFINITION.charts if chart.key == "picture_answers")
    return list(chart.read(report))


def test_each_packaged_picture_is_shown_once_with_both_answers() -> None:
    shown = pictures_of(model(picture_checks=(check("balls", 1344, answer="9"), check("balls"))))

    assert [each.text for each in shown] == ["How many? 7 (right; blank image: none)"]
    assert all(isinstance(each, Picture) and each.is_plain for each in shown)


@pytest.mark.parametrize("name", ["../files/balls", "balls/../balls", "", "other", "balls\n"])
def test_a_name_that_is_no_packaged_picture_shows_nothing(name: str) -> None:
    assert pictures_of(model(picture_checks=(check(name),))) == []


def test_lines_fit_the_terminal() -> None:
    interval = Interval(low=0.1234, high=0.1236, confidence=0.95, method="order-statistics")
    size = SizeFigures(
        width=16384, height=16384, images=24, image_bytes=20_000_000, image_tokens=123456,
        image_cost_s=0.1235, image_cost_interval=interval, ttft_s=0.2, latency_s=12.3,
    )  # fmt: skip
    level = OneImageLevel(
        picture="balls", width=1344, height=1344, first_ttft_s=0.5, later_ttft_s=0.05, later=20,
        input_tokens=2300, cached_tokens=2299,
    )  # fmt: skip
    lines = list(DEFINITION.details(model(
        sizes=(size,), right_share=1.0, looked_share=0.958, one_image=level
    )))  # fmt: skip

    assert max(map(len, lines)) <= 80
    assert " ".join(lines[1].split()) == (
        "16384x16384 123456 19.1 MiB 124 ms 123 - 124 ms 200 ms 12.3 s"
    )
    assert (
        lines[2] == "  100.0 % of the sure questions answered right, 95.8 % only with the picture"
    )
    assert lines[3].endswith("TTFT 500 ms, later 50.0 ms, 2299 tokens cached")
