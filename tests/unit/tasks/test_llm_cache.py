from pathlib import Path
from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.errors import UsageError
from nobs.schema.server import RequestShape
from nobs.tasks.chat.server_report import ServerMetrics, ServerWindow
from nobs.tasks.llms.caching import NO_SIGN, cache_lines, ttfts_of
from nobs.tasks.llms.definition import DEFINITION
from nobs.tasks.llms.params import CacheParams
from nobs.tasks.llms.prose import OTHER, conversation_of
from nobs.tasks.llms.report import CacheTable, CacheTurn, LlmModelReport
from nobs.tasks.parameters import typed
from tests.fakes.llm_results import failed, report_of, result_of, whole
from tests.fakes.llm_work import cache_work, work

TURNS, TOKENS, S_PER_TOKEN, EMPTY_S = 3, 1000, 0.001, 0.05
PASSAGES = tuple(f"passage {number} " * 20 for number in range(50))
PARAMS = CacheParams(turns=3, system_chars=500, user_chars=80, answer_chars=40)


def plan() -> CacheTable:
    turns = [1, 2, 3, OTHER]
    return CacheTable(
        turns=tuple(
            CacheTurn(turn=turn, number=n, uncached_number=3 + n if n > 1 else None)
            for n, turn in enumerate(turns, start=1)
        )
    )


def measured(repeats: int = 7, *, reports: bool = True, saved: float = 1.0) -> LlmModelReport:
    """Return a report of conversations whose prompts have 1000, 1200, 1400 and 1000 tokens.

    Each finds the prompt before it in the cache, the other one 900 tokens of the system prompt;
    `saved` is the share of their time that this saves.
    """
    tokens, cached = (1000, 1200, 1400, 1000), (0, 1000, 1200, 900)
    runs = []
    for repeat in range(repeats):
        noise = 1 + repeat / 1000
        asked = [*zip(tokens, cached, strict=True), *((each, 0) for each in tokens[1:])]
        runs.append([
            whole(n, 9.0, ttft := (EMPTY_S + (given - saved * hit) * S_PER_TOKEN) * noise, 9,
                  input_tokens=given, **({"cached_tokens": hit} if reports else {}),
                  stream_end_s=9.0 + ttft)
            for n, (given, hit) in enumerate(asked, start=1)
        ])  # fmt: skip
    report = report_of(runs, cache=plan().model_dump(mode="json"))
    assert isinstance(report, LlmModelReport)
    return report


def table_of(report: LlmModelReport) -> CacheTable:
    assert report.cache is not None
    return report.cache


def test_each_turn_has_the_median_of_its_ttft_and_of_the_same_texts_uncached() -> None:
    first, second, third, other = table_of(measured()).turns

    assert [turn.input_tokens for turn in (first, second, third, other)] == [1000, 1200, 1400, 1000]
    assert [turn.cached_tokens for turn in (first, second, third, other)] == [0, 1000, 1200, 900]
    assert second.ttft_s == pytest.approx(0.25 * 1.003)
    assert second.uncached_ttft_s == pytest.approx(1.25 * 1.003)
    assert second.speedup == pytest.approx(5.0)
    assert other.speedup == pytest.approx(7.0)
    assert (first.uncached_ttft_s, first.speedup) == (None, None)
    assert third.ttft_interval is not None
    assert third.ttft_interval.low < 0.25 * 1.003 < third.ttft_interval.high


def test_the_medians_are_of_the_requests_that_can_use_the_cache() -> None:
    report = measured()

    # 0.25 of the turns 2 and 3, 0.15 of the other conversation.
    assert report.final_median_ttft_s == pytest.approx(0.25 * 1.003)
    assert report.all_runs[0].median_ttft_s == pytest.approx(0.25)
    assert report.final_median_prefill_tokens_per_sec is None
    assert report.requests == 7 * 7


@pytest.mark.parametrize(
    ("reports", "saved", "evidence"),
    [(True, 1.0, "tokens"), (True, 0.0, "tokens"), (False, 1.0, "times"), (False, 0.0, "")],
)
def test_signs_of_a_cache(reports: bool, saved: float, evidence: str) -> None:
    report = measured(reports=reports, saved=saved)

    assert table_of(report).evidence == evidence
    assert (NO_SIGN in report.warnings) is (evidence == "")


def test_the_servers_own_figures_are_a_sign_too() -> None:
    def with_metrics(cached: int) -> LlmModelReport:
        metrics = ServerMetrics(kind="vllm", repeats=ServerWindow(reads=9, cached_tokens=cached))
        report = measured(reports=False, saved=0.0)
        rebuilt = DEFINITION.rebuild(result_of([]), report).facts
        facts = rebuilt | {"server_metrics": metrics.model_dump(mode="json")}
        again = report_of(facts.pop("runs"), **facts)
        assert isinstance(again, LlmModelReport)
        return again

    # 3,100 of 4,600 tokens are cached in each of the 7 repeats.
    assert table_of(with_metrics(7 * 3100)).evidence == "metrics"
    assert table_of(with_metrics(7 * 100)).evidence == ""


def test_a_server_without_a_sign_of_a_cache_is_named_in_the_table() -> None:
    lines = list(cache_lines(table_of(measured(reports=False, saved=0.0))))

    assert lines[-1] == "  the server shows no sign of a prompt cache"
    assert " ".join(lines[2].split()).startswith("2 1,200 - 1.25 s ")
    assert " ".join(lines[2].split()).endswith("1.25 s 1.00 times")
    assert lines[4].split()[0] == "other"
    assert max(map(len, lines)) <= 80


def test_a_failed_turn_is_left_out() -> None:
    run = [failed(1), failed(2), *(whole(n, 2.0, 1.0, 9) for n in range(3, 8))]
    good = [whole(n, 2.0, 1.0, 9) for n in range(1, 8)]
    report = report_of([good, good, run], cache=plan().model_dump(mode="json"))
    assert isinstance(report, LlmModelReport)

    assert table_of(report).turns[1].ttft_s == 1.0


def test_cached_tokens_are_meant_in_this_kind_of_workload_only() -> None:
    report = measured()
    caching, plain = cache_work("http://x/v1").workload, work("http://x/v1", Path()).workload

    assert list(DEFINITION.find_open_reasons(report, caching)) == []
    assert any("cache:" in reason for reason in DEFINITION.find_open_reasons(report, plain))
    assert not any("prompt cache" in warning for warning in report.warnings)


def test_conversations_have_no_score_and_can_be_computed_again() -> None:
    report = measured()
    rebuilt = DEFINITION.rebuild(result_of([]), report).facts

    assert DEFINITION.score([report]) is None
    assert report_of(rebuilt.pop("runs"), **rebuilt) == report


def test_load_levels_have_no_effect_on_conversations() -> None:
    params = typed(load_catalog().workload("llms", "cache-quick")).params

    with pytest.raises(UsageError, match="has no effect on llms-cache"):
        DEFINITION.apply(params, {"sweep": True})


def test_turns_that_are_not_those_of_the_workload_are_contradictions() -> None:
    workload = typed(load_catalog().workload("llms", "cache"))
    report = measured()
    mixed = table_of(report).model_copy(update={"turns": table_of(report).turns[::-1]})
    found = [*DEFINITION.find_contradictions(report, workload)]
    others = [*DEFINITION.find_contradictions(report.model_copy(update={"cache": mixed}), workload)]

    wanted = [*range(1, 11), 0]
    assert f"cache: turns [1, 2, 3, 0] instead of {wanted}" in found
    assert "cache: the requests aren't numbered in order" not in found
    assert "cache: the requests aren't numbered in order" in others


def test_a_report_without_turns_is_a_contradiction() -> None:
    workload = typed(load_catalog().workload("llms", "cache-quick"))
    report = measured().model_copy(update={"cache": None})

    assert "cache is missing, but the workload is a conversation" in list(
        DEFINITION.find_contradictions(report, workload)
    )


def test_the_chart_has_a_line_for_cached_and_for_uncached_turns() -> None:
    points = [(point.series, point.x) for point in ttfts_of(measured())]

    assert points == [
        ("cached", 1), ("cached", 2), ("cached", 3), ("uncached", 2), ("uncached", 3)
    ]  # fmt: skip


def said(turn: int, shape: RequestShape | None = None) -> list[dict[str, Any]]:
    conversation = conversation_of(PASSAGES, PARAMS)
    return [*conversation.messages(turn, "Request 1.", shape or RequestShape())]


def test_each_turn_repeats_the_one_before_it() -> None:
    one, two, three = (said(turn) for turn in (1, 2, 3))

    assert two[: len(one)] == one
    assert three[: len(two)] == two
    assert said(OTHER)[0] == one[0]
    assert said(OTHER)[1] != one[1]
    assert [len(each["content"]) for each in one[:1]] == [500 + len("Request 1.\n\n")]
    assert len({each["content"] for each in three}) == len(three)


def test_a_server_without_a_system_role_reads_the_same_texts() -> None:
    plain = "\n\n".join(each["content"] for each in said(3))
    merged = said(3, RequestShape(nonce_role="user"))

    assert [each["role"] for each in merged] == ["user", "assistant"] * 2 + ["user"]
    assert "\n\n".join(each["content"] for each in merged) == plain
