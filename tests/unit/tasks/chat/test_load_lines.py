from nobs.schema.base import Backend, Status
from nobs.tasks.chat.load import Level
from nobs.tasks.chat.load_figures import level_figures
from nobs.tasks.chat.load_lines import load_lines
from nobs.tasks.chat.report import LoadTable
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


def test_the_seed_and_the_knee_are_told_where_they_mean_something() -> None:
    assert list(load_lines(model()))[3:] == [
        "  arrivals: poisson, seed 1",
        "  throughput saturates at 2 concurrent requests",
    ]
    assert len(list(load_lines(model(knee=None)))) == 4


def test_a_model_without_levels_has_no_lines() -> None:
    assert list(load_lines(model(levels=()))) == []
    assert list(load_lines(model().model_copy(update={"load": None}))) == []
