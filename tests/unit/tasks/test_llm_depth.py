import random

import pytest

from nobs.catalog import load_catalog
from nobs.errors import UsageError
from nobs.tasks.chat.aggregate import run_of
from nobs.tasks.chat.report import LlmRequest
from nobs.tasks.llms.definition import DEFINITION
from nobs.tasks.llms.depth import depth_lines, depth_reasons, depth_table
from nobs.tasks.llms.prose import TASK, cut, next_chars
from nobs.tasks.llms.report import DepthCell, DepthTable, LlmModelReport
from nobs.tasks.parameters import typed
from tests.fakes.llm_results import failed, report_of, result_of, whole

TEMPLATE, RATE, EMPTY_S = 30, 500.0, 0.2
DEPTHS = (0, 100, 1000, 4000)
PASSAGES = tuple(f"passage {number} " * 20 for number in range(50))


def plan(*more: DepthCell) -> DepthTable:
    cells = [DepthCell(depth=depth, number=n) for n, depth in enumerate(DEPTHS, start=1)]
    return DepthTable(cells=(*cells, *more), tolerance=0.01)


def measured(*more: DepthCell, slow: float = 1.0, off: int = 0) -> LlmModelReport:
    """Return a report of 7 repeats at 500 tokens/s of prefill, whose tokens get 2 us longer each.

    A token takes 10 ms plus 2 us per token of the prompt; `off` tokens are too many.
    """
    runs = []
    for repeat in range(7):
        noise = 1 + repeat / 1000
        ttfts = [EMPTY_S + depth / RATE * noise for depth in DEPTHS]
        tpots = [slow * (0.01 + 2e-6 * (TEMPLATE + depth + off)) for depth in DEPTHS]
        runs.append([
            whole(n, ttft + 99 * tpot, ttft, 100,
                  input_tokens=TEMPLATE + depth + (off if depth else 0))
            for n, (depth, ttft, tpot) in enumerate(zip(DEPTHS, ttfts, tpots, strict=True), 1)
        ])  # fmt: skip
    report = report_of(runs, depth=plan(*more).model_dump(mode="json"))
    assert isinstance(report, LlmModelReport)
    return report


def table_of(report: LlmModelReport) -> DepthTable:
    assert report.depth is not None
    return report.depth


def test_prefill_is_of_the_tokens_and_the_ttft_beyond_the_empty_prompt() -> None:
    empty, *cells = table_of(measured()).cells

    assert empty.prefill_tokens_per_sec is None
    for cell in cells:
        assert cell.prefill_tokens_per_sec == pytest.approx(RATE / 1.003)
        assert cell.prefill_interval is not None
        assert cell.prefill_interval.low < RATE / 1.003 < cell.prefill_interval.high
    assert [cell.input_tokens for cell in cells] == [130, 1030, 4030]


def test_the_ci_of_a_prefill_rate_knows_the_noise_of_the_empty_prompt() -> None:
    """The noise of both TTFTs is planted; the empty prompt's is the larger part."""
    rng = random.Random(1)
    rounds, covering = 400, 0
    for _ in range(rounds):
        runs = []
        for _ in range(8):
            ttfts = (EMPTY_S + rng.gauss(0, 0.02), EMPTY_S + 100 / RATE + rng.gauss(0, 0.01))
            requests = [
                whole(n, 2.0, ttft, 9, input_tokens=TEMPLATE + depth)
                for n, (depth, ttft) in enumerate(zip(DEPTHS, ttfts, strict=False), start=1)
            ]
            runs.append(run_of([LlmRequest.model_validate(each) for each in requests]))
        found = depth_table(plan(), runs).cells[1].prefill_interval
        assert found is not None
        covering += found.low <= RATE <= found.high

    assert 0.92 <= covering / rounds <= 0.98


def test_the_slope_is_the_time_that_context_adds_to_a_token() -> None:
    table = table_of(measured())

    assert table.slope_s == pytest.approx(2e-3)
    assert [round(cell.decode_tokens_per_sec or 0, 1) for cell in table.cells] == [
        99.4, 97.5, 82.9, 55.4,
    ]  # fmt: skip


def test_a_repeat_without_the_empty_prompt_has_no_prefill_rate() -> None:
    run = [failed(1), whole(2, 2.0, 1.0, 9)]
    good = [whole(1, 1.0, 0.5, 9), whole(2, 2.0, 1.0, 9, input_tokens=510)]
    report = report_of([run, good], depth=plan().model_dump(mode="json"))
    assert isinstance(report, LlmModelReport)

    assert table_of(report).cells[1].prefill_tokens_per_sec == 1000


def test_the_lines_fit_80_columns_and_name_what_was_left_out() -> None:
    why = "needs 33,000 tokens, the server's context has 4,096"
    lines = list(depth_lines(table_of(measured(DepthCell(depth=32768, skipped=why)))))

    assert max(map(len, lines)) <= 80
    assert f"     32,768  left out: {why}" in lines
    assert lines[-1] == (
        "  each 1,000 tokens of context add 2,000 us per output token (2,000 - 2,000)"
    )


def test_the_heading_of_a_ci_has_the_confidence_that_few_repeats_reach() -> None:
    def heading(repeats: int) -> str:
        report = measured()
        rebuilt = DEFINITION.rebuild(result_of([]), report).facts
        again = report_of(rebuilt.pop("runs")[:repeats], **rebuilt)
        assert isinstance(again, LlmModelReport)
        return next(depth_lines(table_of(again)))

    assert heading(7).count("95 % CI") == 2
    assert heading(3).count("75 % CI") == 2


def test_a_depth_that_was_left_out_makes_the_result_open() -> None:
    report = measured(DepthCell(depth=32768, skipped="needs more"))

    assert list(depth_reasons(table_of(report))) == ["depths: 1 of 5 left out (needs more)"]
    assert list(depth_reasons(table_of(measured()))) == []


def test_prompts_of_another_length_make_the_result_open() -> None:
    assert list(depth_reasons(table_of(measured(off=2)))) == [
        "depths: 102 tokens of prose instead of 100"
    ]


def test_depths_have_no_score_and_can_be_computed_again() -> None:
    report = measured()
    rebuilt = DEFINITION.rebuild(result_of([]), report).facts

    assert DEFINITION.score([report]) is None
    again = report_of(rebuilt.pop("runs"), **rebuilt)
    assert again == report


@pytest.mark.parametrize("option", ["concurrency", "rate", "sweep"])
def test_load_levels_have_no_effect_on_depths(option: str) -> None:
    params = typed(load_catalog().workload("llms", "depth-quick")).params

    with pytest.raises(UsageError, match="has no effect on llms-depth"):
        DEFINITION.apply(params, {option: (1,)})


def test_depths_that_are_not_those_of_the_workload_are_contradictions() -> None:
    workload = typed(load_catalog().workload("llms", "depth-quick"))
    found = list(DEFINITION.find_contradictions(measured(), workload))

    assert "depth: (0, 100, 1000, 4000) instead of (0, 256, 1024, 2048)" in found


def test_prompts_have_the_wanted_characters_and_begin_differently() -> None:
    prompts = [cut(PASSAGES, number, 100, chars) for number, chars in enumerate((50, 5000, 99999))]

    assert [len(each.text) - len(TASK) - 2 for each in prompts] == [50, 5000, 99999]
    assert len({each.text[:20] for each in prompts}) == 3
    assert cut(PASSAGES, 0, 0, 0).text == TASK


def test_the_next_cut_follows_from_the_tokens_of_the_last() -> None:
    assert next_chars(1000, 4300, 1075) == 4000
    assert next_chars(1000, 4300, 0) == 4_300_000
