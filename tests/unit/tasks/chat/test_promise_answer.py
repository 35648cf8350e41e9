"""The answer to a promise, for queues whose truth is known in closed form."""

import os
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from nobs.tasks.chat.client.record import ChatRecord
from nobs.tasks.chat.guard import OVER_SATURATED, STOPPED
from nobs.tasks.chat.kept import FAILS, HOLDS, UNDECIDED
from nobs.tasks.chat.levels import SWEEP_LIMIT, Level
from nobs.tasks.chat.load_figures import level_figures
from nobs.tasks.chat.load_report import LoadLevel, LoadTable, PromiseAnswer
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.promise import SHARES, Promise
from nobs.tasks.chat.promise_answer import answer_of, search_promise, with_promise
from nobs.tasks.chat.promise_checks import promise_contradictions_of
from nobs.tasks.chat.search import Axis, Ended
from nobs.tasks.chat.steady import requests_for, steady_part
from tests.fakes.llm_records import answered, closed, failed
from tests.fakes.queueing import Md1, SimulatedLoad

QUEUE = Md1(service_s=0.01)
LIMIT_S = 0.06
PROMISE = Promise(latency_s=LIMIT_S)
BOUND = QUEUE.bound_per_s(LIMIT_S, PROMISE.share)
RUNS = 20 if os.environ.get("NOBS_TEST_LONG") else 1


def judged(clients: int, records: list[ChatRecord], promise: Promise = PROMISE) -> LoadLevel:
    level = Level(concurrency=clients)
    return with_promise(level_figures(level, records), records, promise)


def test_the_theory_agrees_with_a_simulation() -> None:
    latencies_s = QUEUE.latencies_s(QUEUE.poisson_s(70.0, 200_000, seed=1))
    share = sum(time_s <= LIMIT_S for time_s in latencies_s) / len(latencies_s)

    assert share == pytest.approx(QUEUE.share_within(LIMIT_S, 70.0), abs=0.005)
    assert QUEUE.share_within(LIMIT_S, BOUND) == pytest.approx(0.95)


@pytest.mark.parametrize("seed", range(RUNS))
def test_knee_and_bound_of_a_queue_are_found(seed: int) -> None:
    load = SimulatedLoad(queue=QUEUE, promise=PROMISE, seed=seed)
    answer = load.search(first_rate=20.0)

    assert answer.ended == Ended.FOUND
    assert answer.peak_requests_per_sec == pytest.approx(QUEUE.knee_per_s, rel=0.1)
    assert answer.estimate == pytest.approx(BOUND, rel=0.1)
    assert (answer.holds_at or 0) <= BOUND <= (answer.fails_at or 1e9)
    assert load.levels[3].ended_early == OVER_SATURATED
    assert len(load.levels) <= 12
    assert contradictions(load.levels, answer) == []


@cache
def searched() -> tuple[list[LoadLevel], PromiseAnswer]:
    """One short search: its levels and the answer."""
    load = SimulatedLoad(queue=QUEUE, promise=PROMISE, seed=1, count=400)
    answer = load.search(first_rate=20.0)
    return load.levels, answer


def contradictions(levels: list[LoadLevel], answer: PromiseAnswer | None) -> list[str]:
    table = LoadTable(levels=tuple(levels), arrivals="poisson", seed=1, knee=None, promise=answer)
    params = LoadParams(rates_per_s=(20.0,), slo=PROMISE)
    return list(promise_contradictions_of(table, params))


def test_the_first_and_last_requests_of_each_client_are_left_out() -> None:
    records = closed(4, lambda number: 900 if number < 4 or number >= 116 else 50)
    level = judged(4, records)

    assert level.steady is not None
    assert level.promise is not None
    assert level.steady.requests == 112
    assert (level.steady.start_s, level.steady.end_s) == (0.9, 2.3)
    assert level.steady.requests_per_sec == pytest.approx(80.0)
    assert level.steady.tokens_per_sec == pytest.approx(800.0)
    assert level.steady.input_tokens_per_sec == pytest.approx(80.0)
    assert level.steady.mean_in_flight == pytest.approx(4.0)
    assert (level.promise.share, level.promise.verdict) == (1.0, HOLDS)
    assert level.promise.goodput_per_sec == pytest.approx(80.0)


@pytest.mark.parametrize(
    ("misses", "verdict"), [(0, HOLDS), (1, HOLDS), (8, UNDECIDED), (40, FAILS)]
)
def test_a_verdict_needs_confidence(misses: int, verdict: str) -> None:
    slow = {number * 4 + 1 for number in range(misses)}
    level = judged(1, closed(1, lambda number: 90 if number in slow else 50, count=202))

    assert level.promise is not None
    assert level.promise.verdict == verdict
    assert level.promise.low <= level.promise.share <= level.promise.high


def test_slow_and_fast_times_far_from_the_limit_leave_no_doubt() -> None:
    level = judged(1, closed(1, lambda number: 5 if number % 60 < 49 else 10))

    assert level.promise is not None
    assert level.steady is not None
    assert level.steady.latency is not None
    assert (level.promise.verdict, level.steady.latency.p95) == (HOLDS, None)


def test_a_percentile_with_too_few_requests_is_withheld() -> None:
    level = judged(1, closed(1, lambda number: 50 + number % 7))

    assert level.steady is not None
    assert level.steady.latency is not None
    assert level.steady.latency.p95 is not None
    assert level.steady.latency.p95.low_s <= level.steady.latency.p95.value_s
    assert level.steady.latency.p99 is None


def test_failed_requests_break_the_promise() -> None:
    records: list[ChatRecord] = closed(1, lambda _: 50)
    records[5:105:5] = [failed(number * 50, 1) for number in range(5, 105, 5)]
    level = judged(1, records)

    assert level.promise is not None
    assert (level.promise.kept, level.promise.verdict) == (98, FAILS)


def test_answers_without_a_known_tpot_leave_the_promise_undecided() -> None:
    level = judged(1, closed(1, lambda _: 50), Promise(tpot_s=1.0))

    assert level.promise is not None
    assert (level.promise.kept, level.promise.unknown, level.promise.fast) == (0, 118, 0)
    assert (level.promise.verdict, level.promise.high) == (UNDECIDED, 1.0)


def test_a_level_that_ended_early_fails_however_many_kept_the_promise_at_first() -> None:
    records = closed(1, lambda _: 50)
    figures = level_figures(Level(concurrency=1), records)
    ended = figures.model_copy(update={"ended_early": OVER_SATURATED})
    level = with_promise(ended, records, PROMISE)

    assert level.promise is not None
    assert (level.promise.share, level.promise.verdict) == (1.0, FAILS)


def test_a_level_without_steady_requests_is_no_answer_but_a_dead_server_fails() -> None:
    few = judged(4, closed(4, lambda _: 50, count=12))
    dead = judged(8, [failed(0, 1)] * 10).model_copy(update={"ended_early": STOPPED})
    answer = answer_of([few, dead], PROMISE, Axis.CONCURRENCY, Ended.STOPPED)

    assert (few.steady, few.promise) == (None, None)
    assert (answer.holds_at, answer.fails_at, answer.estimate) == (None, 8, None)


def test_the_estimate_of_a_sharp_bound_is_within_what_is_certain() -> None:
    def level(clients: int) -> LoadLevel:
        return judged(clients, closed(clients, lambda _: 10 * clients, count=200))

    levels = [*map(level, (1, 2, 4, 6, 7, 8))]
    answer = answer_of(levels, PROMISE, Axis.CONCURRENCY, Ended.FOUND)

    assert (answer.holds_at, answer.fails_at) == (6, 7)
    assert answer.estimate is not None
    assert 6 <= answer.estimate <= 7


def test_a_promise_that_never_fails_holds_at_the_highest_concurrency() -> None:
    levels: list[LoadLevel] = []

    def measure(level: Level) -> None:
        clients = level.concurrency or 0
        count = requests_for(level, PROMISE.share, 1, settle_s=0.0)
        levels.append(judged(clients, closed(clients, lambda _: 50, count)))

    answer = search_promise(levels, PROMISE, Axis.CONCURRENCY, measure)

    assert (answer.holds_at, answer.fails_at, answer.estimate) == (SWEEP_LIMIT, None, None)
    assert answer.ended == Ended.NEVER_FAILS
    assert answer.goodput_per_sec == pytest.approx(SWEEP_LIMIT / 0.05)


def test_users_with_their_rate_are_told_apart_from_all() -> None:
    def level(clients: int, tpot_s: float) -> LoadLevel:
        records = closed(clients, lambda _: 50)
        fast = [replace(r, figures=replace(r.figures, tpot_s=tpot_s)) for r in records if r.figures]
        return judged(clients, fast, promise)

    promise = Promise(ttft_s=0.001, tpot_s=0.05)
    levels = [level(1, 0.02), level(4, 0.05), level(8, 0.051)]
    answer = answer_of(levels, promise, Axis.CONCURRENCY, Ended.NEVER_HOLDS)

    assert (answer.holds_at, answer.user_tokens_per_sec, answer.system_at) == (None, 20.0, 4)
    assert answer.system_tokens_per_sec == pytest.approx(4 * 10 / 0.05)
    assert answer.peak_at == 8


def test_a_level_has_enough_requests_for_its_percentile() -> None:
    def count(share: float, settle_s: float = 0.0, **load: Any) -> int:
        return requests_for(Level(**load), share, 3, settle_s=settle_s)

    assert [count(share, concurrency=1) for share in (0.5, 0.95, 0.99)] == [22, 103, 518]
    assert [count(share, rate_per_s=0.1) for share in (0.95, 0.99)] == [127, 645]
    assert count(0.95, concurrency=100) == 400
    assert count(0.95, rate_per_s=50.0) == 1250
    assert count(0.95, rate_per_s=50.0, settle_s=30.0) == 2500


@pytest.mark.parametrize("share", SHARES.values())
@pytest.mark.parametrize(
    "load", [{"concurrency": 1}, {"concurrency": 3}, {"concurrency": 9}, {"rate_per_s": 0.1}]
)
def test_every_promise_has_a_steady_state_at_small_loads(
    share: float, load: dict[str, Any]
) -> None:
    level = Level(**load)
    count = requests_for(level, share, 1, settle_s=0.0)
    each_ms = round(1000 / level.rate_per_s) if level.rate_per_s else 50
    records = [answered(each_ms * number, 10, 9 * each_ms) for number in range(count)]
    if level.concurrency:
        records = closed(level.concurrency, lambda _: 50, count=count)

    assert steady_part(level, records) is not None


def test_the_time_that_a_rate_needs_to_settle_is_left_out() -> None:
    records = [answered(100 * number, 10, 50) for number in range(200)]
    part = steady_part(Level(rate_per_s=10.0), records, settle_s=6.0)

    assert part is not None
    assert len(part.records) == 200 - 60 - 1


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "holds_at": ({"holds_at": 90.0}, "load.promise.holds_at is 90.0"),
    "estimate": ({"estimate": 90.0}, "load.promise.estimate is 90.0"),
    "peak": ({"peak_requests_per_sec": 200.0}, "load.promise.peak_requests_per_sec is 200.0"),
    "goodput": ({"goodput_per_sec": 99.0}, "load.promise.goodput_per_sec is 99.0"),
    "ended": ({"ended": "luck"}, "ended as luck"),
    "axis": ({"axis": "price"}, "the axis price"),
    "promise": ({"promise": Promise(ttft_s=9.0)}, "the workload has latency=60ms@p95"),
}
"""By name: what an answer says instead, and the contradiction."""


@pytest.mark.parametrize("name", CHANGES)
def test_an_answer_that_the_levels_do_not_give_is_a_contradiction(name: str) -> None:
    changes, said = CHANGES[name]
    levels, answer = searched()

    found = contradictions(levels, answer.model_copy(update=changes))

    assert len(found) == 1
    assert said in found[0]


LEVEL_CHANGES: dict[str, tuple[str, dict[str, Any], str]] = {
    "more kept than sent": ("promise", {"kept": 5000}, "5000 kept and 0 unknown"),
    "share": ("promise", {"share": 0.5}, "promise.share is 0.5"),
    "interval": ("promise", {"low": 0.9999}, "promise.low is 0.9999"),
    "verdict": ("promise", {"verdict": "fails"}, "promise.verdict is fails"),
    "goodput": ("promise", {"goodput_per_sec": 500.0}, "promise.goodput_per_sec is 500.0"),
    "fast": ("promise", {"fast": 3}, "promise.fast is 3"),
    "independent": ("promise", {"independent": 0.0}, "steady requests"),
    "window": ("steady", {"end_s": 1e6}, "isn't within its duration"),
    "steady requests": ("steady", {"requests": 4000}, "4000 steady requests of 400"),
    "in flight": ("steady", {"mean_in_flight": 400.0}, "more than max_in_flight"),
    "percentile": ("steady", {"latency": {
        "p50": None, "p95": {"value_s": 3, "low_s": 4, "high_s": 5}, "p99": None,
    }}, "steady.latency isn't in ascending order"),
}  # fmt: skip


@pytest.mark.parametrize("name", LEVEL_CHANGES)
def test_a_level_that_contradicts_itself_is_named(name: str) -> None:
    part, changes, said = LEVEL_CHANGES[name]
    (first, *others), answer = searched()
    values = first.model_dump()
    values[part] |= changes

    found = contradictions([LoadLevel.model_validate(values), *others], answer)

    assert found
    assert found[0].startswith("load level 1: ")
    assert said in found[0]


def test_an_answer_that_is_missing_or_was_not_asked_for_is_a_contradiction() -> None:
    levels, answer = searched()
    table = LoadTable(levels=tuple(levels), arrivals="poisson", seed=1, knee=None, promise=answer)

    assert contradictions([], None) == [
        "load.promise is missing, but the workload has latency=60ms@p95"
    ]
    assert list(promise_contradictions_of(table, LoadParams(rates_per_s=(20.0,)))) == [
        "load.promise is latency=60ms@p95, but the workload has none"
    ]
