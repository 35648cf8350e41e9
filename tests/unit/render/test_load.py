import pytest

from nobs.render.load import load_lines
from nobs.tasks.llms.load import Level
from nobs.tasks.llms.load_figures import level_figures
from nobs.tasks.llms.report import LoadTable
from tests.unit.tasks.llms.test_load import answered, failed


def table(**changes: object) -> dict[str, object]:
    records = [answered(0, 100, 300), answered(100, 200, 900), failed(500, 100)]
    levels = (
        level_figures(Level(concurrency=2), records),
        level_figures(Level(rate_per_s=0.5), [failed(0, 10)]),
    )
    load = LoadTable(levels=levels, arrivals="poisson", seed=1, knee=2)
    return {"load": load.model_copy(update=changes).model_dump()}


def test_each_level_is_a_line_of_80_columns_at_most() -> None:
    lines = list(load_lines(table()))

    assert " ".join(lines[1].split()) == "2 at once 20.0 2.00 150 ms 200 ms 700 ms 1.30 1"
    assert " ".join(lines[2].split()) == "0.5 a second 0.00 0.00 - - - 1.00 1"
    assert max(map(len, lines)) <= 80


def test_the_seed_and_the_knee_are_told_where_they_mean_something() -> None:
    assert list(load_lines(table()))[3:] == [
        "  arrivals: poisson, seed 1",
        "  throughput grows up to 2 requests at once",
    ]
    assert len(list(load_lines(table(knee=None)))) == 4


def test_a_model_without_levels_has_no_lines() -> None:
    assert list(load_lines({"load": None})) == []
    assert list(load_lines({})) == []


@pytest.mark.parametrize(
    "load", [{"levels": [{}]}, {"levels": [{"failures": 1, "gaps": [], "rate_per_s": "x"}, 1]}]
)
def test_what_a_level_does_not_tell_is_a_dash(load: object) -> None:
    _, level = load_lines({"load": load})

    assert level.split() == ["-"] * 7 + ["0"]


@pytest.mark.parametrize("load", ["x", [], {}, {"levels": "x"}, {"levels": {"a": 1}}])
def test_what_is_no_table_has_no_lines(load: object) -> None:
    assert list(load_lines({"load": load})) == []
