"""Load levels against a scripted server that knows how many requests it had at once."""

from pathlib import Path

import pytest

from nobs.tasks.chat.bench import ChatBench
from nobs.tasks.chat.params import Arrivals, LoadParams
from nobs.tasks.chat.report import LoadTable
from tests.fakes.llm_answers import plain, stream, whole_server
from tests.fakes.llm_server import Script, ScriptedServer, serving
from tests.fakes.llm_work import work

pytestmark = pytest.mark.long

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


def test_a_sweep_stops_behind_the_knee(tmp_path: Path) -> None:
    with serving(whole_server(ANSWER)) as server:
        table = measure(server, tmp_path, LoadParams(sweep=True))
    swept = [level.concurrency for level in table.levels]

    assert swept == [1 << number for number in range(len(swept))]
    assert table.knee in swept


def test_a_level_whose_requests_all_fail_is_a_finding(tmp_path: Path) -> None:
    busy: Script = plain({"error": {"message": "busy"}}, "429 Too Many Requests")
    with serving(whole_server(busy)) as server:
        (level,) = measure(server, tmp_path, LoadParams(concurrency=(2,))).levels

    assert level.failures == {"http-status": 10}
    assert level.median_latency_s is None
