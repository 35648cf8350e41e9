"""Figures of a model from hand-written requests."""

from typing import Any

import pytest

from nobs.schema.enums import Backend, Status
from nobs.schema.report import ModelReport
from nobs.schema.result import StepResult
from nobs.schema.server import Locality
from nobs.tasks.chat.aggregate import has_too_many_failures
from nobs.tasks.chat.report import LlmRequest
from nobs.tasks.llms.definition import DEFINITION
from tests.fakes.llm_results import NOW, failed, report_of, result_of, whole

RUNS = [
    [whole(1, 2.0, 1.0, 100), whole(2, 5.0, 1.0, 200), whole(3, 9.0, 1.0, 800)],
    [whole(1, 2.5, 0.5, 100), whole(2, 4.0, 2.0, 200), whole(3, 8.0, 4.0, 800)],
    [whole(1, 3.0, 1.0, 100), whole(2, 6.0, 1.0, 200), failed(3)],
]


def test_the_headline_is_the_median_over_repeats_of_the_median_over_prompts() -> None:
    report = report_of(RUNS)

    assert [run.median_latency_s for run in report.all_runs] == [5.0, 4.0, 4.5]
    assert report.final_median_latency_s == 4.5
    assert [run.median_ttft_s for run in report.all_runs] == [1.0, 2.0, 1.0]
    assert report.final_median_ttft_s == 1.0
    # The medians over prompts of 99/1, 199/4, 799/8; 99/2, 199/2, 799/4; 99/2, 199/5.
    assert [run.median_tokens_per_sec for run in report.all_runs] == [99.0, 99.5, 44.65]
    assert report.final_median_tokens_per_sec == 99.0


@pytest.mark.parametrize("locality", [Locality.REMOTE, Locality.UNKNOWN])
def test_energy_of_another_machine_is_not_this_ones(locality: Locality) -> None:
    energy = report_of(RUNS, locality).joules_per_1000_tokens

    assert energy is not None
    assert energy.how == f"the server is {locality}, not local"


def test_energy_is_for_output_tokens() -> None:
    energy = report_of(RUNS).joules_per_1000_tokens

    assert energy is not None
    assert energy.how == "no telemetry"


def test_the_intervals_are_those_of_the_repeats() -> None:
    report = report_of(RUNS)

    assert report.latency_interval is not None
    assert (report.latency_interval.low, report.latency_interval.high) == (4.0, 5.0)
    assert report.latency_interval.confidence == 0.75
    assert report_of(RUNS[:1]).latency_interval is None


def test_prefill_and_decode_have_rates_of_their_own() -> None:
    report = report_of([[whole(1, 2.0, 0.5, 101)]])

    assert report.final_median_prefill_tokens_per_sec == 20.0
    assert report.final_median_decode_tokens_per_sec == pytest.approx(100 / 1.5)


def test_totals_count_whole_answers_only() -> None:
    report = report_of(RUNS)

    assert (report.requests, report.failures) == (9, {"cut": 1})
    assert report.total_output_tokens == 2 * 1100 + 300
    assert report.total_input_tokens == 80
    assert report.all_runs[2].failed == 1
    assert report.finish_reasons == {"stop": 8}


def test_a_total_that_a_server_did_not_tell_is_unknown() -> None:
    report = report_of([[whole(1, 2, 1, 10), whole(2, 2, 1, 10, input_tokens=None)]])

    assert report.total_input_tokens is None
    assert report.total_reasoning_tokens is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"token_count_source": "chunks"}, "The tokens of 1 of 3 answers are estimated"),
        ({"finish_reason": "length"}, "1 of 3 answers reached the limit"),
        ({"server_timings": {"cache_n": 7, "prompt_n": 3}}, "1 of 3 prompts were in the server"),
        ({"tokens_per_sec": None, "arrivals": 1}, "1 of 3 answers arrived in one piece"),
        ({"output_tokens": 801}, "lengths differ between repeats (prompts 1)"),
        ({"is_coalesced": True}, "1 of 3 answers arrived in bursts"),
        ({"finish_reason": None}, "1 of 3 answers ended without a finish_reason"),
        ({"unusable": ["timings.prompt_ms"]}, "invalid numbers, which were dropped: timings."),
    ],
)
def test_readers_are_warned(change: dict[str, Any], said: str) -> None:
    plain = [whole(1, 9.0, 1.0, 800)]
    warnings = report_of([plain, plain, [{**plain[0], **change}]]).warnings

    assert [said in warning for warning in warnings] == [True]


@pytest.mark.parametrize(("uncertain", "is_warned"), [(1, False), (2, True)])
def test_an_uncertain_rate_is_a_warning_only_if_it_affects_the_median(
    uncertain: int, is_warned: bool
) -> None:
    sure = whole(1, 9.0, 1.0, 801, tokens_per_sec_least=100.0, tokens_per_sec_most=100.0)
    rough = sure | {"tokens_per_sec_least": 90.0, "tokens_per_sec_most": 120.0}
    runs = [[rough] if number < uncertain else [sure] for number in range(3)]

    warnings = report_of(runs).warnings

    expected = "between 90.0 and 120, so the median may be off by 16.7 %"
    assert any(expected in warning for warning in warnings) is is_warned


@pytest.mark.parametrize(("cached", "is_warned"), [(9, True), (5, False), (None, False)])
def test_a_cache_of_the_prompts_is_told_and_its_tokens_are_not_read(
    cached: int | None, is_warned: bool
) -> None:
    report = report_of([[whole(1, 2.0, 1.0, 100, cached_tokens=cached)]])

    assert report.final_median_prefill_tokens_per_sec == 10 - (cached or 0)
    assert any("prompt cache" in warning for warning in report.warnings) is is_warned


def test_no_figure_rests_on_counts_that_can_not_be_those_of_the_stream() -> None:
    odd = whole(1, 2.0, 1.0, 1_000_000, count_conflict="too many", tokens_per_sec=None, chunks=40)
    report = report_of([[odd], [odd]], max_output_tokens=64)

    assert report.total_output_tokens == 80
    assert [run.total_output_tokens for run in report.all_runs] == [40, 40]
    assert report.final_median_prefill_tokens_per_sec is None
    assert not any("max_output_tokens" in warning for warning in report.warnings)


def test_characters_are_no_tokens_beyond_the_limit() -> None:
    said = {"count_conflict": "none came", "token_count_source": "chunks", "tokens_per_sec": None}
    report = report_of([[whole(1, 2.0, 1.0, 189, **said)]], max_output_tokens=64)

    assert not any("max_output_tokens" in warning for warning in report.warnings)


def test_counts_that_run_on_are_flagged_as_those_of_no_answer() -> None:
    drifting = [[whole(n, 2.0, 1.0, 20 * n, chunks=20, output_chars=80) for n in (1, 2, 3)]]

    assert report_of(drifting).unreconciled == 3


def test_a_clean_run_has_no_warnings() -> None:
    assert report_of(RUNS[:2]).warnings == ()


def test_the_template_that_all_prompts_share_is_no_cached_prompt() -> None:
    runs = [[whole(1, 2.0, 1.0, 9, server_timings={"cache_n": 7, "prompt_n": 60})]]

    assert report_of(runs).warnings == ()


def test_a_report_can_be_computed_once_more_from_itself() -> None:
    report = report_of(RUNS, Locality.REMOTE)
    facts = DEFINITION.rebuild(result_of([]), report).facts
    again = report_of(facts.pop("runs"), Locality.REMOTE, **facts)

    assert again == report


def test_the_score_is_prompts_per_hour_of_the_median_latency() -> None:
    assert DEFINITION.score([report_of(RUNS)]) == 3 * 3600 / 4.5


@pytest.mark.parametrize("locality", [Locality.REMOTE, Locality.UNKNOWN])
def test_what_is_not_this_hosts_speed_has_no_score(locality: Locality) -> None:
    report = report_of(RUNS, locality)

    assert DEFINITION.score([report]) is None
    assert report.final_median_latency_s == 4.5
    assert any("host" in warning for warning in report.warnings)


def test_a_model_without_figures_has_no_score() -> None:
    base = ModelReport(model_name="m", device=Backend.CPU, status=Status.FAILED)
    result = StepResult(
        step="s", task="llms", model="m", status=Status.FAILED, started=NOW, finished=NOW
    )

    assert DEFINITION.score([DEFINITION.summarise(result, base)]) is None


@pytest.mark.parametrize(("bad", "too_many"), [(0, False), (1, False), (2, True)])
def test_more_than_a_tenth_of_failures_is_too_many(bad: int, too_many: bool) -> None:
    requests = [failed(n) for n in range(bad)] + [whole(n, 2, 1, 9) for n in range(bad, 10)]

    assert has_too_many_failures([[LlmRequest(**request) for request in requests]]) is too_many
