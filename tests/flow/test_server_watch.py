"""The server's own figures, read in a thread from a scripted server."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nobs.schema.server import Connection
from nobs.tasks.chat.bench import ChatBench
from nobs.tasks.chat.client.exchange import Limits
from nobs.tasks.chat.load_report import LoadTable
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.server_report import ServerMetrics
from nobs.tasks.chat.server_watch import MAX_PAUSE_S, ServerWatch, next_pause_s
from tests.fakes.llm_answers import MODEL, stream, whole_server
from tests.fakes.llm_routes import reply
from tests.fakes.llm_server import Answered, Choose, Script, ScriptedServer, Send, Then, serving
from tests.fakes.llm_work import facts_of, work
from tests.fakes.metrics_pages import page, vllm
from tests.fakes.waiting import wait_for

pytestmark = pytest.mark.alone

LIMITS = Limits(connect_s=20, first_byte_s=20, idle_s=20, total_s=40, max_bytes=100_000)


def watch(server: ScriptedServer, limits: Limits = LIMITS) -> ServerWatch:
    connection = Connection(base_url=server.url)
    return ServerWatch(connection, MODEL, period_s=0.001, limits=limits)


def in_turn(*pages: str) -> Callable[[], str]:
    """Return the pages in turn, the last one for ever."""
    endless = itertools.chain(pages, itertools.repeat(pages[-1]))
    return lambda: next(endless)


def test_a_window_has_the_highest_gauges_and_the_growth_of_counters() -> None:
    pages = in_turn(
        *[vllm(tokens=100, requests=3, preemptions=1, waiting=0)] * 2,
        vllm(running=8, waiting=2, usage=0.5),
        vllm(running=8, waiting=14, usage=0.98),
        vllm(running=2, waiting=0, usage=0.3),
        vllm(tokens=600, requests=5, preemptions=13, cached=7),
    )
    with serving(whole_server(), metrics=page(pages)) as server:
        watched = watch(server)
        with watched.window() as window:
            wait_for(lambda: len(server.metrics_log) >= 6)
        figures = window.figures()

    assert figures is not None
    assert (figures.running_max, figures.waiting_max, figures.kv_usage_max) == (8, 14, 0.98)
    assert figures.running_before == 0
    assert figures.failed_reads == 0
    assert (figures.output_tokens, figures.requests) == (500, 2)
    assert (figures.preemptions, figures.cached_tokens) == (12, 7)
    assert watched.report(figures) == ServerMetrics(kind="vllm", repeats=figures)
    assert len({asked.connection for asked in server.metrics_log}) == 1


def test_the_window_begins_and_ends_when_the_server_is_idle_and_has_counted_all() -> None:
    pages = in_turn(
        vllm(running=1, tokens=50), vllm(tokens=55), vllm(tokens=60), vllm(tokens=60),
        vllm(running=1, tokens=99), vllm(tokens=150), vllm(tokens=160),
    )  # fmt: skip
    with serving(whole_server(), metrics=page(pages)) as server:
        watched = ServerWatch(Connection(base_url=server.url), MODEL, limits=LIMITS)
        with watched.window() as window:
            pass
        figures = window.figures()

    assert figures is not None
    assert (figures.output_tokens, figures.running_before) == (100, 0)
    assert (figures.running_max, figures.running_mean) == (None, None)


def test_counters_that_were_reset_are_unknown() -> None:
    pages = in_turn(*[vllm(tokens=100, requests=1)] * 2, vllm(tokens=20, requests=2))
    with serving(whole_server(), metrics=page(pages)) as server, watch(server).window() as window:
        pass
    figures = window.figures()

    assert figures is not None
    assert (figures.output_tokens, figures.requests) == (None, 1)


HANGING = Script(steps=[], then=Then.HANG)
ENDLESS = Script(
    steps=[Send(0, b"HTTP/1.1 200 OK\r\n\r\n")] + [Send(0, b"# comment\n" * 1000)] * 20
)


@pytest.mark.parametrize(
    ("metrics", "why"),
    [
        (None, "/metrics: HTTP 404"),
        (page("# nothing\n"), "/metrics has none of the known metrics"),
        (
            page("vllm:num_requests_running NaN\n"),
            "/metrics has known names without a usable value",
        ),
        (lambda _: reply({"error": "no"}, "501 Not Implemented"), "/metrics: HTTP 501"),
        (lambda _: HANGING, "/metrics: first byte timeout"),
        (lambda _: ENDLESS, "/metrics: too large"),
        (lambda _: Script(steps=[Send(0, b"hello\r\n\r\n")]), "/metrics: malformed"),
    ],
)
def test_a_server_without_metrics_is_asked_once(metrics: Choose | None, why: str) -> None:
    is_silent = "timeout" in why
    with serving(whole_server(), metrics=metrics) as server:
        watched = watch(server, replace(LIMITS, first_byte_s=0.5) if is_silent else LIMITS)
        for _ in range(2):
            with watched.window() as window:
                pass
            assert window.figures() is None

    assert watched.report(None) == ServerMetrics(absent=why)
    assert len(server.metrics_log) == 1


def test_failed_reads_within_a_window_are_counted() -> None:
    reads = itertools.count()

    def metrics(_: Answered) -> Script:
        good = next(reads) not in (2, 3)
        return reply(vllm(running=1) if good else "", "200 OK" if good else "503 Busy")

    with serving(whole_server(), metrics=metrics) as server, watch(server).window() as window:
        wait_for(lambda: len(server.metrics_log) >= 12)
    figures = window.figures()

    assert figures is not None
    assert figures.failed_reads == 2
    assert figures.running_max == 1


def test_a_slow_server_is_read_less_often() -> None:
    assert next_pause_s(1.0, 0.0) == 1.0
    assert next_pause_s(1.0, 0.02) == 0.98
    assert next_pause_s(1.0, 0.5) == 10.0
    assert next_pause_s(1.0, 5.0) == MAX_PAUSE_S


def test_the_repeats_and_the_levels_have_the_servers_figures(tmp_path: Path) -> None:
    with serving(whole_server(stream(8)), metrics=page(lambda: counted(server))) as server:
        bench = ChatBench(work(server.url, tmp_path, load=LoadParams(concurrency=(2,))))
        facts = facts_of(bench, repeats=2)
    metrics = ServerMetrics.model_validate(facts["server_metrics"])
    (level,) = LoadTable.model_validate(facts["load"]).levels

    assert metrics.kind == "vllm"
    assert metrics.repeats is not None
    assert (metrics.repeats.requests, metrics.repeats.output_tokens) == (6, 48)
    assert level.server is not None
    assert (level.server.requests, level.server.output_tokens) == (10, 80)


def counted(server: ScriptedServer) -> str:
    """Return the page of a server that counts its chats and their tokens."""
    chats = [asked for asked in server.log if asked.body]
    return vllm(MODEL, requests=len(chats), tokens=8 * len(chats))
