"""Cold starts of servers: figures from starts and requests, contradictions, and their texts."""

from typing import Any

import pytest

from nobs.errors import UsageError
from nobs.schema.result import Sample
from nobs.tasks.cold.report import ServerStart, ServerStarts
from nobs.tasks.llms.definition import DEFINITION
from nobs.tasks.llms.report import LlmModelReport
from tests.fakes.llm_results import failed, report_of, result_of, whole
from tests.fakes.run_requests import pinned

WORKLOAD = pinned("llms", "cold-quick")


def start(number: int = 0, **changes: Any) -> ServerStart:
    values = {
        "start_s": 1.0, "load_s": 2.0 + number, "first_token_s": 0.5, "second_ttft_s": 0.1,
        "first_result_s": 3.5 + number, "weights_cached": 0.0,
    }  # fmt: skip
    return ServerStart(**values | changes)


def model(*starts: ServerStart, requests: list[Any] | None = None) -> LlmModelReport:
    """Return the report of starts of which each has a slow and a fast request."""
    both = [whole(1, 0.9, 0.4, 9), whole(2, 0.6, 0.1, 9)] if requests is None else requests
    cold = ServerStarts.of(starts).model_dump(mode="json") if starts else None
    report = report_of([both] * max(1, len(starts)), cold=cold)
    assert isinstance(report, LlmModelReport)
    samples = tuple(
        Sample(start_s=60.0 * number, duration_s=50.0, units=18, cpu_time_s=1.0)
        for number in range(max(1, len(starts)))
    )
    return report.model_copy(update={"samples": samples})


def faults(found: LlmModelReport) -> str:
    return "; ".join(DEFINITION.find_contradictions(found, WORKLOAD))


def figures(found: LlmModelReport) -> dict[str, float]:
    read = ((figure.key, figure.read(found)) for figure in DEFINITION.summary)
    return {key: value.value for key, value in read if value is not None}


def test_the_figures_are_those_of_starts_never_of_both_requests_together() -> None:
    found = model(start(0), start(1), start(5))

    assert figures(found) == {
        "first_result_s": 4.5, "cold_load_s": 3.0, "second_ttft_s": 0.1,
    }  # fmt: skip
    assert [run.median_ttft_s for run in found.all_runs] == [None] * 3
    assert DEFINITION.score([found]) is None


def test_seven_starts_have_intervals() -> None:
    found = model(*(start(number) for number in (3, 0, 5, 1, 6, 2, 4))).cold

    assert found is not None
    assert found.first_result_interval is not None
    assert found.load_interval is not None
    assert found.first_result_interval.confidence == 0.95


def test_the_parts_of_the_median_start_are_shown() -> None:
    found = model(start(0), start(1), start(5))
    (line, *_) = DEFINITION.details(found)
    charts = {chart.key: chart for chart in DEFINITION.charts}

    assert line == "  cold start: server 1.00 s, weights 3.00 s, first token 500 ms"
    assert charts["cold_parts"].read(found) == pytest.approx([1 / 4.5, 3 / 4.5, 0.5 / 4.5])


def test_a_server_that_ran_already_has_no_start_of_its_own() -> None:
    found = model(start(start_s=None, first_result_s=2.5))
    (line, *_) = DEFINITION.details(found)

    assert line == "  cold start: weights 2.00 s, first token 500 ms"
    assert "add up" not in faults(found)


def test_cold_starts_can_be_computed_again() -> None:
    found = model(start(0), start(1))
    rebuilt = DEFINITION.rebuild(result_of([]), found).facts
    again = report_of(rebuilt.pop("runs"), **rebuilt)

    assert again.model_copy(update={"samples": found.samples}) == found


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (model(), "cold is missing"),
        (model(start(load_s=1.0)), "the parts of start 1 don't add up"),
        (model(start(second_ttft_s=0.2)), "second_ttft_s isn't the TTFT of its second request"),
        (
            model(start(first_token_s=0.3, first_result_s=3.3)),
            "the TTFT of its first request exceeds first_token_s",
        ),
        (model(start(), requests=[whole(1, 0.9, 0.4, 9)]), "no two complete answers"),
        (model(start(), requests=[whole(1, 0.9, 0.4, 9), failed(2)]), "no two complete answers"),
    ],
)
def test_starts_that_contradict_the_requests_are_named(found: LlmModelReport, message: str) -> None:
    assert message in faults(found)


def test_honest_starts_have_no_contradictions_of_their_own() -> None:
    assert "start" not in faults(model(start(0), start(1)))


@pytest.mark.parametrize(
    ("cached", "message"), [(0.0, ""), (0.9, "Not cold: up to 90 %"), (None, "couldn't be dropped")]
)
def test_weights_that_were_in_memory_are_a_warning(cached: float | None, message: str) -> None:
    assert message in " ".join(model(start(weights_cached=cached)).warnings)
    assert bool(message) is any("memory" in each for each in model(
        start(weights_cached=cached)
    ).warnings)  # fmt: skip


@pytest.mark.parametrize("option", ["concurrency", "rate", "sweep"])
def test_load_levels_have_no_effect_on_cold_starts(option: str) -> None:
    with pytest.raises(UsageError, match="has no effect on llms-cold"):
        DEFINITION.apply(WORKLOAD.params, {option: (1,)})
