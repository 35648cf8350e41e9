from dataclasses import replace

import pytest

from nobs.schema.enums import Backend, Status
from nobs.tasks.chat.guard import OVER_SATURATED, STOPPED
from nobs.tasks.chat.levels import Level
from nobs.tasks.chat.load_figures import level_figures
from nobs.tasks.chat.load_lines import load_lines
from nobs.tasks.chat.load_report import LoadTable
from nobs.tasks.llms.report import LlmModelReport
from tests.fakes.llm_records import answered, failed


def model(**changes: object) -> LlmModelReport:
    records = [answered(0, 100, 300), answered(100, 200, 900), failed(500, 100)]
    levels = (
        level_figures(Level(concurrency=2), records),
        level_figures(Level(rate_per_s=0.5), [failed(0, 10)]),
    )
    load = LoadTable(levels=levels, arrivals="poisson", seed=1, knee=2)
    return LlmModelReport(
        model_name="m", device=Backend.CPU, status=Status.OK, load=load.model_copy(update=changes)
    )


def test_each_level_is_a_line_of_80_columns_at_most() -> None:
    lines = list(load_lines(model()))

    assert " ".join(lines[1].split()) == "2 at once 20.0 2.00 150 ms 200 ms 140 ms 1.30 1"
    assert " ".join(lines[2].split()) == "0.5 req/s 0.00 0.00 - - - 1.00 1"
    assert max(map(len, lines)) <= 80


def test_the_levels_of_a_search_are_in_the_order_of_the_load() -> None:
    measured = [
        Level(concurrency=4),
        Level(concurrency=2),
        Level(rate_per_s=2.0),
        Level(rate_per_s=1),
    ]
    levels = [level_figures(level, [answered(0, 100, 300)]) for level in measured]
    lines = list(load_lines(model(levels=levels, knee=None)))

    assert [line[:14].strip() for line in lines[1:5]] == [
        "2 at once", "4 at once", "1 req/s", "2 req/s",
    ]  # fmt: skip


def test_the_seed_and_the_knee_are_told_where_they_mean_something() -> None:
    assert list(load_lines(model()))[3:] == [
        "  arrivals: poisson, seed 1",
        "  2 at once: 1 of 3 failed, first: cut",
        "  0.5 req/s: 1 of 1 failed, first: cut",
        "  throughput saturates at 2 concurrent requests",
    ]
    assert len(list(load_lines(model(knee=None)))) == 6


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (OVER_SATURATED, "more arrived than were answered"),
        (STOPPED, "the server stopped answering"),
        ("a word of a newer version", "a word of a newer version"),
    ],
)
def test_a_level_that_ended_early_is_named_with_the_reason(verdict: str, said: str) -> None:
    load = model().load
    assert load is not None
    levels = [level.model_copy(update={"ended_early": verdict}) for level in load.levels]
    lines = list(load_lines(model(levels=levels)))

    assert f"  0.5 req/s: ended after 1 requests: {said}" in lines
    assert max(map(len, lines)) <= 80


def test_a_level_whose_token_counts_contradict_its_streams_is_named() -> None:
    conflict = answered(0, 100, 300)
    assert conflict.figures is not None
    wrong = replace(conflict, figures=replace(conflict.figures, count_conflict="3 for 9 words"))
    level = level_figures(Level(concurrency=16), [wrong, answered(100, 200, 900), failed(0, 1)])
    lines = list(load_lines(model(levels=(level,))))

    assert lines[1].split()[3] == "-"
    assert "  16 at once: token counts of 1 of 2 answers contradict their streams" in lines


def test_a_model_without_levels_has_no_lines() -> None:
    assert list(load_lines(model(levels=()))) == []
    assert list(load_lines(model().model_copy(update={"load": None}))) == []
