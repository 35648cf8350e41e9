"""Clients of one load against a scripted server: starts, clocks, prompts and what is missed."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nobs.errors import UsageError
from nobs.schema.server import Connection
from nobs.schema.share import Share
from nobs.tasks.chat.bench import ChatBench
from nobs.tasks.chat.levels import Level
from nobs.tasks.chat.load import Timing, send_level
from nobs.tasks.chat.load_report import LoadTable
from nobs.tasks.chat.metrics import Values
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.sending import MissedStart
from nobs.tasks.chat.server_clock import read_server_clock
from nobs.tasks.chat.server_watch import ServerWatch, Window
from nobs.tasks.chat.share_checks import share_contradictions_of
from nobs.tasks.chat.share_table import ShareMeter
from tests.fakes.dated import dated_server
from tests.fakes.llm_answers import MODEL, stream, whole_server
from tests.fakes.llm_server import serving
from tests.fakes.llm_work import PROMPTS, work
from tests.fakes.metrics_pages import page, vllm
from tests.fakes.queueing import request

ANSWER = stream(tokens=4, ttft_s=0.02, gap_s=0.002)


def measure(url: str, directory: Path, params: LoadParams) -> LoadTable:
    bench = ChatBench(work(url, directory, load=params))
    try:
        bench.measure_extra()
        return LoadTable.model_validate(bench.facts()["load"])
    finally:
        bench.close()


def share_of(index: int, start: datetime, slot_s: float = 60.0) -> Share:
    return Share(index=index, count=2, start=start, slot_s=slot_s)


@pytest.mark.long
def test_clients_send_their_parts_of_each_level_after_its_start(tmp_path: Path) -> None:
    start = datetime.now(UTC) + timedelta(seconds=6)
    asked = [
        LoadParams(concurrency=(1, 5), share=share_of(index, start, slot_s=6)) for index in range(2)
    ]
    metrics = page("process_start_time_seconds 1.5e+09\n" + vllm(MODEL))
    with serving(dated_server(ANSWER), metrics=metrics) as server, ThreadPoolExecutor(2) as pool:
        tables = list(pool.map(lambda each: measure(server.url, tmp_path, each), asked))
    loads = [table.share for table in tables if table.share]

    # One client alone reads the server's own figures.
    seen = [[level.server is not None for level in table.levels] for table in tables]
    assert seen == [[True, True], [False, False]]
    assert [[level.requests for level in table.levels] for table in tables] == [[10, 6], [0, 4]]
    assert [[len(raw.sent_ns) for raw in load.raw] for load in loads] == [[10, 6], [0, 4]]
    for load in loads:
        assert all(
            sent_ns is not None and sent_ns >= 0 for raw in load.raw for sent_ns in raw.sent_ns
        )
        assert load.clock is not None
        assert load.clock.low_s <= 0 <= load.clock.high_s
        assert load.server_started_s == 1.5e9
    for table, params in zip(tables, asked, strict=True):
        assert not list(share_contradictions_of(table, params, has_repeats=True))
    chats = [each for each in server.log if each.path.endswith("/chat/completions")]
    texts = [each.values["messages"][-1]["content"] for each in chats]
    assert Counter(texts) == dict(zip(PROMPTS, (8, 4, 8), strict=True))


class Early(ServerWatch):
    """A watch that has read something before the start of each level."""

    @contextmanager
    def window(self) -> Iterator[Window]:
        idle = Values(kind="vllm", values={"kv_usage": 0.0})
        full = Values(kind="vllm", values={"kv_usage": 0.9})
        yield Window(before=[idle], during=[full], after=[idle])


def test_what_the_server_published_before_the_start_is_left_out() -> None:
    share = share_of(0, datetime.now(UTC) + timedelta(seconds=6))
    with serving(dated_server(ANSWER)) as server, asyncio.Runner() as loop:
        connection = Connection(base_url=server.url)
        meter = ShareMeter(
            loop=loop, connection=connection, params=LoadParams(concurrency=(2,), share=share),
            share=share, make=lambda count: [request(n) for n in range(count)],
            check=lambda record: record, watch=Early(connection, MODEL),
        )  # fmt: skip
        (level,) = meter.measure(2).levels

    assert level.server is not None
    assert (level.server.reads, level.server.kv_usage_max) == (2, None)


def test_a_missed_start_ends_the_client_with_the_cause(tmp_path: Path) -> None:
    past = datetime.now(UTC) - timedelta(seconds=5)
    with serving(whole_server(ANSWER)) as server:
        with pytest.raises(UsageError, match=r"was to start at .* the repeats before it ended too"):
            measure(server.url, tmp_path, LoadParams(concurrency=(2,), share=share_of(0, past)))
        soon = datetime.now(UTC) + timedelta(seconds=5)
        short = share_of(0, soon, slot_s=0.01)
        with pytest.raises(UsageError, match=r"level 2 .* took longer than --slot 0\.01s"):
            measure(server.url, tmp_path, LoadParams(concurrency=(2, 2), share=short))


def test_more_requests_than_a_report_holds_are_refused_before_the_start(tmp_path: Path) -> None:
    start = datetime.now(UTC) + timedelta(hours=1)
    many = LoadParams(rates_per_s=(2000.0, 1001.0), share=share_of(0, start))
    with (
        serving(whole_server(ANSWER)) as server,
        pytest.raises(UsageError, match="Share 0/2 has 30,010 requests; a report holds 30,000"),
    ):
        measure(server.url, tmp_path, many)


def test_a_level_is_not_sent_if_its_connections_open_after_its_start() -> None:
    with serving(whole_server(ANSWER)) as server, pytest.raises(MissedStart):
        asyncio.run(
            send_level(
                Level(concurrency=1), Connection(base_url=server.url), [request(0)], LoadParams(),
                Timing(at_s=time.perf_counter() - 1),
            )
        )  # fmt: skip


@pytest.mark.parametrize("ahead_s", [0.0, 90.0, -3600.0])
def test_the_clock_is_compared_with_the_servers(ahead_s: float) -> None:
    with serving(dated_server(ANSWER, ahead_s)) as server:
        clock = asyncio.run(read_server_clock(Connection(base_url=server.url), answers=3))

    assert clock is not None
    assert clock.low_s <= -ahead_s <= clock.high_s
    assert clock.high_s - clock.low_s < 2.5


def test_a_server_without_a_date_gives_no_clock() -> None:
    with serving(whole_server(ANSWER)) as server:
        clock = asyncio.run(read_server_clock(Connection(base_url=server.url), answers=1))

    assert clock is None
