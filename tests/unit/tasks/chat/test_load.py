"""Levels of load: arrivals, figures from known stamps, and the knee."""

import asyncio
from itertools import pairwise

import pytest

from nobs.schema.server import Connection
from nobs.tasks.chat.arrivals import Arrivals, arrival_times_s
from nobs.tasks.chat.client.record import ChatFailure
from nobs.tasks.chat.levels import Level, levels_of, requests_of, sweep_levels
from nobs.tasks.chat.load import parts_of, processes_for, send_whole
from nobs.tasks.chat.load_figures import grew, knee_of, level_figures
from nobs.tasks.chat.load_report import LoadLevel
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.sending import Part
from tests.fakes.llm_records import answered, failed


def level(concurrency: int, tokens_per_sec: float) -> LoadLevel:
    return level_figures(Level(concurrency=concurrency), []).model_copy(
        update={"tokens_per_sec": tokens_per_sec}
    )


def test_constant_arrivals_are_evenly_spaced() -> None:
    assert arrival_times_s(4, 2.0, Arrivals.CONSTANT, 1) == [0.0, 0.5, 1.0, 1.5]


def test_poisson_arrivals_are_those_of_their_seed_and_keep_the_rate() -> None:
    times_s = arrival_times_s(2001, 10.0, Arrivals.POISSON, 1)
    gaps_s = [b - a for a, b in pairwise(times_s)]

    assert times_s == arrival_times_s(2001, 10.0, Arrivals.POISSON, 1)
    assert times_s != arrival_times_s(2001, 10.0, Arrivals.POISSON, 2)
    assert times_s[-1] / 2000 == pytest.approx(0.1, rel=0.1)
    assert max(gaps_s) > 0.3
    assert min(gaps_s) >= 0


def test_levels_come_in_their_order_and_a_sweep_doubles() -> None:
    params = LoadParams(concurrency=(1, 4), rates_per_s=(0.5,))

    assert [str(found) for found in levels_of(params)] == ["1 at once", "4 at once",
                                                           "0.5 requests/s"]  # fmt: skip
    assert [found.concurrency for found in sweep_levels()] == [1 << power for power in range(11)]


def test_a_level_has_enough_requests() -> None:
    assert requests_of(Level(concurrency=1), 3) == 10
    assert requests_of(Level(concurrency=16), 3) == 32
    assert requests_of(Level(rate_per_s=0.1), 3) == 10
    assert requests_of(Level(rate_per_s=2.0), 3) == 40


@pytest.mark.parametrize(
    ("level", "cores", "processes"),
    [
        (Level(concurrency=1), 64, 1),
        (Level(concurrency=256), 64, 1),
        (Level(concurrency=257), 64, 2),
        (Level(concurrency=1024), 64, 4),
        (Level(concurrency=1024), 2, 2),
        (Level(concurrency=1024), 1, 1),
        (Level(rate_per_s=64.0), 64, 1),
        (Level(rate_per_s=1000.0), 64, 16),
        (Level(rate_per_s=1000.0), 8, 8),
    ],
)
def test_large_levels_are_sent_by_more_processes_up_to_one_per_core(
    level: Level, cores: int, processes: int
) -> None:
    assert processes_for(level, cores) == processes


def test_parts_of_a_level_have_all_its_requests_at_their_times() -> None:
    whole = Part(
        connection=Connection(base_url="http://127.0.0.1:1/v1"),
        requests=[b"0", b"1", b"2", b"3", b"4"], concurrency=5, times_s=[0.0, 1.0, 2.0, 3.0, 4.0],
        settle_s=0.0,
    )  # fmt: skip
    parts = list(parts_of(whole, 2))

    assert [part.requests for part in parts] == [[b"0", b"2", b"4"], [b"1", b"3"]]
    assert [part.times_s for part in parts] == [[0.0, 2.0, 4.0], [1.0, 3.0]]
    assert [part.concurrency for part in parts] == [3, 2]


def test_a_level_for_which_too_few_files_may_be_open_fails_with_the_limit() -> None:
    part = Part(
        connection=Connection(base_url="http://127.0.0.1:1/v1"), requests=[b"0", b"1"],
        concurrency=10**9, times_s=None, settle_s=0.0,
    )  # fmt: skip
    sent = asyncio.run(send_whole(part, 1))

    assert [record.failure for record in sent.records] == [ChatFailure.CLIENT] * 2
    assert "1,000,000,000 connections need" in sent.client.error
    assert "RLIMIT_NOFILE" in sent.client.error


def test_figures_follow_from_the_stamps() -> None:
    records = [answered(0, 100, 300), answered(100, 200, 900), failed(500, 100)]
    found = level_figures(Level(concurrency=2), records)

    assert (found.requests, found.failures) == (3, {"cut": 1})
    assert found.duration_s == 1.0
    assert found.tokens_per_sec == 20.0
    assert found.median_decode_tokens_per_sec == 1.0
    assert found.requests_per_sec == 2.0
    assert found.median_ttft_s == pytest.approx(0.15)
    assert found.median_latency_s == pytest.approx(0.6)
    assert (found.p95_ttft_s, found.p95_latency_s) == (0.2, 0.9)
    assert found.chunk_gaps is not None
    assert found.chunk_gaps.median_s == pytest.approx(0.45)
    assert found.chunk_gaps.max_s == 0.7
    assert found.mean_in_flight == pytest.approx(0.3 + 0.9 + 0.1)
    assert found.max_in_flight == 2
    assert found.arrival_rate_per_s == pytest.approx(2 / 0.5)


@pytest.mark.parametrize(("answers", "expected"), [(99, None), (100, 0.099)])
def test_a_99th_percentile_needs_100_answers(answers: int, expected: float | None) -> None:
    records = [answered(0, number) for number in range(1, answers + 1)]

    assert level_figures(Level(concurrency=2), records).p99_latency_s == expected


def test_input_tokens_are_those_of_complete_answers_if_each_was_counted() -> None:
    level = Level(concurrency=1)
    counted = [answered(0, 100, input_tokens=30), answered(100, 400, input_tokens=70)]
    uncounted = answered(500, 500, input_tokens=None)

    assert level_figures(level, [*counted, failed(400, 100)]).input_tokens_per_sec == 200.0
    assert level_figures(level, [*counted, uncounted]).input_tokens_per_sec is None


def test_a_level_without_an_answer_has_no_figures() -> None:
    found = level_figures(Level(rate_per_s=1.0), [failed(0, 10)])

    assert (found.tokens_per_sec, found.requests_per_sec) == (0.0, 0.0)
    assert found.input_tokens_per_sec is None
    assert (found.median_ttft_s, found.chunk_gaps, found.arrival_rate_per_s) == (None, None, None)


def test_a_sweep_whose_tokens_are_not_known_goes_by_its_answers() -> None:
    levels = [
        level(1 << n, 0.0).model_copy(update={"tokens_per_sec": None, "requests_per_sec": rate})
        for n, rate in enumerate([4.0, 7.0, 7.1])
    ]

    assert [grew(levels[:n]) for n in (1, 2, 3)] == [True, True, False]
    assert knee_of(levels) == 2


@pytest.mark.parametrize(
    ("rates", "goes_on", "knee"),
    [
        ([100.0], True, 1),
        ([0.0], False, None),
        ([100.0, 190.0], True, 2),
        ([100.0, 190.0, 195.0], False, 2),
        ([100.0, 190.0, 150.0], False, 2),
        ([100.0, 80.0], False, 1),
    ],
)
def test_a_sweep_ends_where_throughput_stops_growing(
    rates: list[float], goes_on: bool, knee: int | None
) -> None:
    levels = [level(1 << number, rate) for number, rate in enumerate(rates)]

    assert grew(levels) is goes_on
    assert knee_of(levels) == knee
