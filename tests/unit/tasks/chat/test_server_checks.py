from pathlib import Path
from typing import Any

import pytest

from nobs.schema.flags import FlagName
from nobs.tasks.chat.load_report import LoadLevel, LoadTable
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.chat.server_checks import contradictions_of_server, server_flags
from nobs.tasks.chat.server_lines import server_lines
from nobs.tasks.chat.server_report import ServerMetrics, ServerWindow
from nobs.tasks.llms.definition import DEFINITION
from tests.fakes import reports
from tests.fakes.llm_results import failed, report_of, whole
from tests.fakes.llm_work import work

TOKENS, REQUESTS = 100, 20


def window(**values: Any) -> ServerWindow:
    return ServerWindow(reads=9, **values)


def model(
    repeats: ServerWindow | None = None, levels: dict[int, ServerWindow] | None = None,
    **more: Any,
) -> ChatModelReport:  # fmt: skip
    """Return a report of 20 requests with 100 tokens each, with figures of its server."""
    runs = [[whole(n, 2.0, 1.0, TOKENS, **more) for n in range(1, REQUESTS + 1)]]
    metrics = ServerMetrics(kind="vllm", repeats=repeats)
    table = LoadTable(
        levels=tuple(
            LoadLevel.model_validate(reports.level(concurrency, 1.0) | {"server": each})
            for concurrency, each in (levels or {}).items()
        ),
        arrivals="constant", seed=1, knee=None,
    )  # fmt: skip
    return report_of(runs).model_copy(update={"server_metrics": metrics, "load": table})


def flags_of(report: ChatModelReport) -> dict[FlagName, str]:
    return {flag.name: flag.message for flag in server_flags(report)}


@pytest.mark.parametrize("tokens", [2000, 2040, 1960])
def test_counts_within_the_tolerance_agree(tokens: int) -> None:
    assert flags_of(model(window(output_tokens=tokens, requests=20))) == {}


@pytest.mark.parametrize("tokens", [2041, 1959, 0])
def test_other_tokens_are_flagged(tokens: int) -> None:
    assert flags_of(model(window(output_tokens=tokens, requests=20))) == {
        FlagName.SERVER_DISAGREES: (
            f"The server's /metrics count {tokens} output tokens, but its answers have 2000 in the"
            " repeats."
        )
    }


def test_requests_that_the_server_has_not_seen_are_flagged() -> None:
    flags = flags_of(model(window(requests=12)))

    assert flags == {
        FlagName.SERVER_DISAGREES: (
            "The server's /metrics count 12 requests, but 20 were answered in the repeats."
        )
    }


def test_requests_of_others_are_flagged_and_their_tokens_are_no_disagreement() -> None:
    flags = flags_of(model(window(requests=25, output_tokens=9999)))

    assert flags == {
        FlagName.SHARED_SERVER: (
            "Other clients used the server in the repeats: it served 25 requests, 20 were ours."
        )
    }


@pytest.mark.parametrize("values", [{"running_before": 2}, {"running_max": 2, "running_mean": 1.5}])
def test_without_counted_requests_those_that_run_show_others(values: dict[str, Any]) -> None:
    assert [*flags_of(model(window(output_tokens=9999, **values)))] == [FlagName.SHARED_SERVER]


def test_estimated_and_failed_answers_are_not_compared() -> None:
    estimated = model(window(output_tokens=9999), token_count_source="text")
    broken = report_of([[whole(1, 2.0, 1.0, 9), failed(2)]]).model_copy(
        update={"server_metrics": ServerMetrics(kind="vllm", repeats=window(output_tokens=999))}
    )

    assert flags_of(estimated) == {}
    assert flags_of(broken) == {}


def test_levels_are_compared_too() -> None:
    # 3 requests at 50 tokens/s in 10 s.
    report = model(levels={1: window(output_tokens=700, requests=3)})

    assert (
        "700 output tokens, but its answers have 500 at 1 at once"
        in (flags_of(report)[FlagName.SERVER_DISAGREES])
    )


def test_a_queue_explains_the_knee() -> None:
    free, full = window(waiting_max=0, running_max=8), window(waiting_max=14, running_max=8)

    assert list(server_lines(model(levels={8: free, 16: full, 32: full}))) == [
        "  the server's queue grew from 0 at 8 at once to 14 at 16 at once",
        "  it computed at most 8 requests at once: a full batch",
    ]


def test_levels_of_a_search_are_told_in_ascending_order() -> None:
    free, full = window(waiting_max=0), window(waiting_max=3)

    assert list(server_lines(model(levels={1: free, 32: full, 16: full, 8: free}))) == [
        "  the server's queue grew from 0 at 8 at once to 3 at 16 at once"
    ]


@pytest.mark.parametrize(
    ("absent", "lines"),
    [
        ("/metrics: too large", ["  no figures of the server: /metrics: too large"]),
        ("/metrics: HTTP 404", []),
        ("/metrics has none of the known metrics", []),
    ],
)
def test_metrics_that_are_there_but_unusable_are_named(absent: str, lines: list[str]) -> None:
    found = model().model_copy(update={"server_metrics": ServerMetrics(absent=absent)})

    assert list(server_lines(found)) == lines


def test_a_full_cache_explains_the_knee() -> None:
    levels = {
        8: window(kv_usage_max=0.4),
        16: window(kv_usage_max=0.98, preemptions=12),
    }

    assert list(server_lines(model(levels=levels))) == [
        "  KV cache 98 % full, 12 preemptions at 16 at once"
    ]
    assert list(server_lines(model(levels={8: window(kv_usage_max=0.4, preemptions=0)}))) == []


def test_the_figures_of_the_repeats_are_a_line_of_80_columns_at_most() -> None:
    figures = window(
        running_max=1, running_mean=0.9, waiting_max=0, waiting_mean=0.0, kv_usage_max=0.031,
        preemptions=3, cached_tokens=77,
    )  # fmt: skip

    assert list(server_lines(model(figures))) == [
        "  vllm: at most 1 running, 0 waiting, KV cache 3 % full, 3 preemptions",
        "  77 input tokens came from its prefix cache",
    ]
    assert list(server_lines(model().model_copy(update={"server_metrics": None}))) == []


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"output_tokens": -1}, "output_tokens is negative"),
        ({"kv_usage_max": 1.2}, "kv_usage_max is more than 1"),
        ({"running_mean": 3.0, "running_max": 2}, "running_mean doesn't fit running_max"),
        ({"waiting_mean": 3.0}, "waiting_mean doesn't fit waiting_max"),
    ],
)
def test_figures_that_can_not_be_are_contradictions(values: dict[str, Any], fault: str) -> None:
    found = [*contradictions_of_server(model(window(**values)))]

    assert found == [f"server's figures in the repeats: {fault}"]


def test_metrics_are_of_some_kind_or_absent_for_a_reason() -> None:
    both = model().model_copy(update={"server_metrics": ServerMetrics(kind="tgi", absent="404")})

    assert [*contradictions_of_server(model(window(running_max=1, running_mean=0.5)))] == []
    assert [*contradictions_of_server(both)] == [
        "server_metrics: it must have either a kind or a reason"
    ]


def test_prompts_that_only_the_server_counts_as_cached_make_the_result_open() -> None:
    report = model(window(cached_tokens=150, requests=20), input_tokens=10)
    workload = work("http://x/v1", Path()).workload
    shared = model(window(cached_tokens=150, requests=21), input_tokens=10)

    assert list(DEFINITION.find_open_reasons(report, workload)) == [
        "cache: the server's /metrics count 150 of 200 input tokens as cached"
    ]
    assert list(DEFINITION.find_open_reasons(shared, workload)) == []
