"""Reports of a served model that can't be true."""

from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.schema.result import Sample
from nobs.schema.server import ModelIdentity
from nobs.tasks.chat.client.record import Percentiles
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.llms.definition import DEFINITION
from nobs.tasks.parameters import typed
from tests.fakes.llm_results import failed, report_of, whole

WORKLOAD = typed(load_catalog().workloads["llms/1"])

FITTING = {"median_s": 0.01, "p95_s": 0.02, "p99_s": 0.03, "max_s": 0.03}
GAPS = Percentiles(**FITTING)
LUMPS = {"median_s": 0.0, "p95_s": 0.02, "p99_s": 0.03, "max_s": 0.03}
UNORDERED = {"median_s": 0.02, "p95_s": 0.01, "p99_s": 0.03, "max_s": 0.03}
TOO_LONG = {"median_s": 0.01, "p95_s": 0.02, "p99_s": 0.03, "max_s": 3.0}


def honest(**change: Any) -> ChatModelReport:
    """One repeat of three prompts; `change` is what the first request says instead."""
    run = [whole(1, 2.0, 1.0, 100) | change, whole(2, 5.0, 1.0, 200), failed(3)]
    sample = Sample(start_s=0, duration_s=7.5, units=300, cpu_time_s=0)
    report = report_of([run], max_output_tokens=2048, temperature=0.0)
    return report.model_copy(update={"samples": (sample,)})


def faults(report: ChatModelReport) -> list[str]:
    return list(DEFINITION.find_contradictions(report, WORKLOAD))


def test_an_honest_report_has_none() -> None:
    assert faults(honest()) == []


@pytest.mark.parametrize(
    ("identity", "fault"),
    [
        ({}, None),
        ({"parameters": "20B", "size_bytes": 12_000_000_000}, None),
        ({"remote_host": "https://ollama.com"},
         "the server is marked local. The server forwards requests for m to https://ollama.com."),
        ({"parameters": "20B", "size_bytes": 381},
         "the server is marked local. The weights of m aren't here: "),
        ({"loaded": ("m", "gemma-3-1b")}, None),
        ({"loaded": ()}, None),
        ({"loaded": ("gemma-3-1b",)}, "the server had gemma-3-1b loaded, but 'm' was requested"),
    ],
)  # fmt: skip
def test_what_the_server_says_of_the_model_must_fit_the_report(
    identity: dict[str, Any], fault: str | None
) -> None:
    report = honest()
    assert report.server is not None
    server = report.server.model_copy(update={"identity": ModelIdentity(id="m", **identity)})

    found = faults(report.model_copy(update={"server": server}))

    assert len(found) == (fault is not None)
    assert fault is None or found[0].startswith(fault)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"ttft_s": 2.5}, "ttft_s isn't between 0 and total_latency_s"),
        ({"generation_time_s": 1.5}, "generation_time_s isn't total_latency_s minus ttft_s"),
        ({"tokens_per_sec": 120.0}, "tokens_per_sec isn't its tokens over generation_time_s"),
        ({"finish_reason": "abort"}, "it has times, but ended with finish_reason abort"),
        ({"finish_reason": "content_filter"}, "ended with finish_reason content_filter"),
        ({"chunks": 500}, "500 chunks with text were received, but only 100 tokens"),
        ({"reasoning_tokens": 160}, "160 reasoning tokens are more than all 100 output tokens"),
        (
            {"reasoning_tokens": 80, "reasoning_chars": 0, "output_chars": 80, "chunks": 20},
            "its rate includes 80 reasoning tokens that were never received",
        ),
        ({"streamed_tokens": 120}, "streamed_tokens is 120, more than all 100 output tokens"),
        ({"count_conflict": "so"}, "it has tokens_per_sec although its token count contradicts"),
        (
            {"is_coalesced": True, "chunk_gaps": FITTING},
            "it has inter-token latencies, but arrived in bursts",
        ),
        ({"model": "gemma-3-1b"}, "'gemma-3-1b' answered, but 'm' was requested"),
        ({"status": 500}, "it has times, but the HTTP status 500"),
        ({"ttfat_s": 0.5}, "ttfat_s isn't between ttft_s and total_latency_s"),
        ({"stream_end_s": 1.9}, "stream_end_s is before total_latency_s"),
        (
            {"chars_per_sec": 9.0, "output_chars": 10},
            "chars_per_sec isn't the characters over generation_time_s",
        ),
        (
            {"tpot_s": 0.02, "chunks": 100},
            "tpot_s isn't generation_time_s over the tokens after the first arrival",
        ),
        ({"chunk_gaps": UNORDERED}, "chunk_gaps aren't in ascending order"),
        (
            {"chunk_gaps": TOO_LONG},
            "chunk_gaps aren't in ascending order, or exceed generation_time_s",
        ),
        (
            {"chunk_gaps": FITTING, "itl": FITTING, "chunks": 50},
            "itl isn't in ascending order, or isn't chunk_gaps per token",
        ),
        ({"itl": FITTING}, "itl isn't in ascending order, or isn't chunk_gaps"),
        ({"failure": "cut"}, "it must have either a failure or times"),
        ({"total_latency_s": None}, "it must have either a failure or times"),
        ({"prompt": 2}, "its prompts aren't the 3 prompts of the workload"),
    ],
)
def test_a_request_that_can_not_be_is_named(change: dict[str, Any], fault: str) -> None:
    assert any(
        fault in found and found.startswith("repeat 1") for found in faults(honest(**change))
    )


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"max_output_tokens": 64}, "max_output_tokens is 64, but the workload asks for 2048"),
        ({"temperature": 1.0}, "temperature is 1.0, but the workload asks for 0.0"),
        ({"server": None}, "server is missing"),
        ({"all_runs": ()}, "0 repeats in all_runs, but 1 samples"),
        (
            {"samples": (Sample(start_s=0, duration_s=6.0, units=300, cpu_time_s=0),)},
            "repeat 1: its answers take longer than the repeat",
        ),
        (
            {"samples": (Sample(start_s=0, duration_s=7.5, units=301, cpu_time_s=0),)},
            "repeat 1: units isn't the sum of output tokens",
        ),
        ({"chunk_gaps": GAPS}, "chunk_gaps.max_s isn't the longest of the answers' chunk_gaps"),
    ],
)
def test_a_report_that_can_not_be_is_told(change: dict[str, Any], fault: str) -> None:
    assert faults(honest().model_copy(update=change)) == [fault]


def test_what_honest_servers_do_is_no_contradiction() -> None:
    """A tool call before the answer; four tokens per chunk."""
    itl = {name: gap_s / 4 for name, gap_s in FITTING.items()}
    called = honest(ttfat_s=1.5, reasoning_chars=0, chunks=25, first_tokens=4.0,
                    tokens_per_sec=96.0, tpot_s=1 / 96, chunk_gaps=FITTING,
                    itl=itl)  # fmt: skip
    pooled = {"chunk_gaps": GAPS, "itl": Percentiles(**itl)}

    assert faults(called.model_copy(update=pooled)) == []


def test_rates_of_older_reports_are_held_against_their_own_rule() -> None:
    """There, `tokens_per_sec` were all tokens over the time after the first."""
    old = {"streamed_tokens": None, "first_tokens": None, "tokens_per_sec": 100.0}

    assert faults(honest(**old)) == []
    assert faults(honest(**old | {"tokens_per_sec": 99.0}))
    # Usage without the reasoning that came: 40 tokens for 200 chunks.
    assert faults(honest(**old | {"output_tokens": 40, "chunks": 200, "tokens_per_sec": 40.0}))


def test_gaps_of_answers_in_lumps_are_not_pooled() -> None:
    lumps = honest(is_coalesced=True)

    assert faults(lumps) == []
    assert "chunk_gaps is given, but too many answers arrived in bursts" in faults(
        lumps.model_copy(update={"chunk_gaps": GAPS})
    )


def test_gaps_of_nothing_in_many_answers_are_named() -> None:
    lumps = honest(chunk_gaps=LUMPS, itl=LUMPS | {"p95_s": 0.02})

    assert "half of the gaps of 1 of 2 answers are 0: bursts of chunks" in faults(
        lumps.model_copy(update={"chunk_gaps": Percentiles(**LUMPS), "itl": Percentiles(**LUMPS)})
    )
