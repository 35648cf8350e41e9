"""Load levels against a scripted server that knows how many requests it had at once."""

import itertools
from pathlib import Path

import pytest

from nobs.schema.enums import Backend, Status
from nobs.system.host import usable_cores
from nobs.tasks.chat import search
from nobs.tasks.chat.arrivals import Arrivals
from nobs.tasks.chat.bench import ChatBench
from nobs.tasks.chat.guard import OVER_SATURATED, STOPPED
from nobs.tasks.chat.load_checks import client_limit
from nobs.tasks.chat.load_lines import load_lines
from nobs.tasks.chat.load_report import LoadTable
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.promise import Promise
from nobs.tasks.chat.promise_checks import promise_contradictions_of
from nobs.tasks.chat.search import Ended
from nobs.tasks.llms.report import LlmModelReport
from tests.fakes.llm_answers import after, plain, stream, whole_server
from tests.fakes.llm_server import Script, ScriptedServer, Then, serving
from tests.fakes.llm_work import work
from tests.fakes.queueing import Md1, measure_queue, queue_answers

pytestmark = [pytest.mark.alone, pytest.mark.long]

TOKENS, TTFT_S, GAP_S = 10, 0.02, 0.002
ANSWER = stream(tokens=TOKENS, ttft_s=TTFT_S, gap_s=GAP_S)


def measure(server: ScriptedServer, directory: Path, params: LoadParams) -> LoadTable:
    bench = ChatBench(work(server.url, directory, load=params))
    try:
        bench.measure_extra()
        return LoadTable.model_validate(bench.facts()["load"])
    finally:
        bench.close()


def test_each_level_has_its_requests_in_flight(tmp_path: Path) -> None:
    with serving(whole_server(ANSWER)) as server:
        table = measure(server, tmp_path, LoadParams(concurrency=(1, 8)))
    one, eight = table.levels

    assert [level.requests for level in table.levels] == [10, 16]
    assert (one.max_in_flight, eight.max_in_flight) == (1, 8)
    assert one.median_ttft_s is not None
    assert one.median_ttft_s >= TTFT_S
    assert eight.tokens_per_sec is not None
    assert one.tokens_per_sec is not None
    assert eight.tokens_per_sec > 2 * one.tokens_per_sec
    assert table.knee is None
    assert len({a.connection for a in server.log}) <= 9


def test_a_large_level_is_sent_by_a_process_per_core_at_most(tmp_path: Path) -> None:
    with serving(whole_server(ANSWER)) as server:
        (level,) = measure(server, tmp_path, LoadParams(concurrency=(300,))).levels

    assert (level.requests, level.failures) == (600, {})
    assert level.max_in_flight == 300
    assert level.client is not None
    assert level.client.processes == min(2, usable_cores())
    assert level.tokens_per_sec is not None


def test_no_two_requests_share_a_prefix(tmp_path: Path) -> None:
    with serving(whole_server(ANSWER)) as server:
        measure(server, tmp_path, LoadParams(concurrency=(4,)))
    prefixes = [asked.values["messages"][0]["content"] for asked in server.log]

    assert len(set(prefixes)) == len(prefixes) == 10


def test_requests_of_a_rate_do_not_wait_for_each_other(tmp_path: Path) -> None:
    slow = stream(tokens=2, ttft_s=0.4, gap_s=0.01)
    with serving(whole_server(slow)) as server:
        params = LoadParams(rates_per_s=(20.0,), arrivals=Arrivals.CONSTANT)
        (level,) = measure(server, tmp_path, params).levels

    assert level.requests == 400
    assert level.failures == {}
    assert level.max_in_flight >= 6
    assert level.arrival_rate_per_s == pytest.approx(20.0, rel=0.1)


def test_a_rate_that_the_server_cannot_keep_up_with_ends_early(tmp_path: Path) -> None:
    with serving(whole_server(queue_answers(service_s=0.01))) as server:
        (level,) = measure(server, tmp_path, LoadParams(rates_per_s=(400.0,))).levels

    assert level.ended_early == OVER_SATURATED
    assert level.requests < 1000
    assert level.requests == len(server.log)


def test_a_server_that_dies_ends_the_level_and_the_others_are_kept(tmp_path: Path) -> None:
    dead = Script(steps=(), then=Then.CLOSE)
    with serving(whole_server(after(10, dead))) as server:
        one, two = measure(server, tmp_path, LoadParams(concurrency=(1, 200))).levels

    assert (one.failures, one.ended_early) == ({}, "")
    assert two.ended_early == STOPPED
    assert two.requests == sum(two.failures.values()) < 400


def test_a_sweep_stops_behind_the_knee(tmp_path: Path) -> None:
    with serving(whole_server(ANSWER)) as server:
        table = measure(server, tmp_path, LoadParams(sweep=True))
    swept = [level.concurrency for level in table.levels]

    assert swept == [1 << number for number in range(len(swept))]
    # On a busy machine the client itself may be late: that is no finding about the server.
    assert (table.knee in swept) == (client_limit(table.levels[-1]) is None)


@pytest.mark.parametrize(
    ("status", "message"),
    [("429 Too Many Requests", "busy"), ("400 Bad Request", "the prompt exceeds the context")],
)
def test_a_level_that_the_server_refuses_is_named_and_the_others_are_kept(
    tmp_path: Path, status: str, message: str
) -> None:
    refusal = plain({"error": {"message": message}}, status)
    with serving(whole_server(after(10, refusal))) as server:
        table = measure(server, tmp_path, LoadParams(concurrency=(1, 8)))
    one, eight = table.levels
    report = LlmModelReport(model_name="m", device=Backend.CPU, status=Status.OK, load=table)

    assert (one.failures, eight.failures) == ({}, {"http-status": 16})
    assert eight.median_latency_s is None
    said = " ".join(" ".join(load_lines(report)).split())
    assert f"8 at once: 16 of 16 failed, first: HTTP {status}: {message}" in said


def test_a_level_at_which_the_server_slows_keeps_the_others(tmp_path: Path) -> None:
    with serving(whole_server(after(10, stream(ttft_s=0.3)))) as server:
        one, eight = measure(server, tmp_path, LoadParams(concurrency=(1, 8))).levels

    assert (one.failures, eight.failures) == ({}, {})
    assert (one.median_ttft_s or 1.0) < 0.3 <= (eight.median_ttft_s or 0.0)


def test_the_highest_concurrency_with_a_promise_is_found(tmp_path: Path) -> None:
    # Four at once wait for 320 ms and five for 400 ms, 40 ms on either side of the promise.
    promise = Promise(ttft_s=0.36)
    with serving(whole_server(queue_answers(service_s=0.08))) as server:
        table = measure(server, tmp_path, LoadParams(slo=promise))
    answer = table.promise

    assert answer is not None
    # On a busy machine four at once may keep it without it being certain.
    assert answer.holds_at is not None
    assert answer.holds_at in {2, 3, 4}
    assert (answer.fails_at, answer.ended) == (5, Ended.FOUND)
    assert answer.estimate is not None
    assert answer.holds_at <= answer.estimate <= 5
    assert [level.concurrency for level in table.levels[:4]] == [1, 2, 4, 8]
    assert answer.peak_requests_per_sec == pytest.approx(12.5, rel=0.1)
    assert list(promise_contradictions_of(table, LoadParams(slo=promise))) == []


def test_the_highest_rate_with_a_promise_is_that_of_theory() -> None:
    queue, promise = Md1(service_s=0.008), Promise(latency_s=0.048)
    params = LoadParams(rates_per_s=(50.0,), slo=promise)
    answer = measure_queue(queue.service_s, params, level_s=6.4).promise
    bound = queue.bound_per_s(0.048, promise.share)

    assert answer is not None
    assert answer.peak_requests_per_sec == pytest.approx(queue.knee_per_s, rel=0.1)
    assert (answer.holds_at or 0.0) <= 1.1 * bound
    assert (answer.fails_at or 1e9) >= bound / 1.1
    assert answer.estimate == pytest.approx(bound, rel=0.3)


def test_a_promise_that_a_single_request_breaks_holds_at_no_level(tmp_path: Path) -> None:
    with serving(whole_server(queue_answers(service_s=0.06))) as server:
        table = measure(server, tmp_path, LoadParams(slo=Promise(ttft_s=0.001)))
    answer = table.promise

    assert answer is not None
    assert (answer.holds_at, answer.fails_at, answer.ended) == (None, 1, Ended.NEVER_HOLDS)
    assert answer.goodput_per_sec == 0
    assert table.levels[0].concurrency == 1
    assert len(table.levels) <= 4


def test_a_promise_that_never_fails_is_answered_with_the_highest_level(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "SWEEP_LIMIT", 4)
    with serving(whole_server(stream(tokens=2, ttft_s=0.05))) as server:
        table = measure(server, tmp_path, LoadParams(concurrency=(4,), slo=Promise(ttft_s=60.0)))
    answer = table.promise

    assert answer is not None
    assert (answer.holds_at, answer.fails_at, answer.ended) == (4, None, Ended.NEVER_FAILS)
    assert len(table.levels) == 1


def test_a_server_that_dies_during_the_search_leaves_the_answer_so_far(tmp_path: Path) -> None:
    numbers, dead = itertools.count(1), Script(steps=(), then=Then.CLOSE)
    live = stream(tokens=2, ttft_s=0.06)
    with serving(whole_server(lambda _: live if next(numbers) <= 250 else dead)) as server:
        table = measure(server, tmp_path, LoadParams(slo=Promise(ttft_s=0.5)))
    answer = table.promise

    assert answer is not None
    assert (answer.holds_at, answer.fails_at, answer.ended) == (2, 4, Ended.STOPPED)
    assert [level.ended_early for level in table.levels] == ["", "", STOPPED]
