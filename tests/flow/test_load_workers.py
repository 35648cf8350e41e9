"""A load level from several processes, against a scripted server in this one."""

import asyncio
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from nobs.providers.chat import ChatRequest
from nobs.schema.server import Connection
from nobs.tasks.chat.client.chat import request_bytes
from nobs.tasks.chat.client.record import ChatFailure
from nobs.tasks.chat.guard import STOPPED
from nobs.tasks.chat.load import SentLevel, send_whole
from nobs.tasks.chat.sending import Part
from tests.fakes.llm_answers import stream
from tests.fakes.llm_server import Answered, Choose, Script, Then, serving
from tests.fakes.waiting import wait_for

ANSWER = stream(5, ttft_s=0.05, gap_s=0.01)
PARENT = """
import asyncio, sys
from nobs.schema.server import Connection
from nobs.providers.chat import ChatRequest
from nobs.tasks.chat.client.chat import request_bytes
from nobs.tasks.chat.load import send_whole
from nobs.tasks.chat.sending import Part
connection = Connection(base_url=sys.argv[1])
request = request_bytes(connection, ChatRequest(model="0", messages=[]))
part = Part(connection=connection, requests=[request] * 8, concurrency=4, times_s=None, settle_s=0)
asyncio.run(send_whole(part, 2))
"""
"""A process that sends a level from two others."""
CLOCKS_NS = 5_000_000
"""Processes of one clock differ by less; those of different clocks by their whole ages."""


def part_of(url: str, requests: int, concurrency: int, rate_per_s: float | None = None) -> Part:
    connection = Connection(base_url=url)
    chats = [ChatRequest(model=str(number), messages=[]) for number in range(requests)]
    times_s = [number / rate_per_s for number in range(requests)] if rate_per_s else None
    return Part(
        connection=connection,
        requests=[request_bytes(connection, chat) for chat in chats],
        concurrency=concurrency,
        times_s=times_s,
        settle_s=0.0,
    )


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    """Return the sending processes of `process`."""
    return [p for p in process.children() if "nobs.tasks.chat.worker" in p.cmdline()]


def send(choose: Script | Choose, requests: int, concurrency: int) -> tuple[SentLevel, list[int]]:
    """Return what two processes sent, and the numbers of the requests that the server saw."""
    with serving(choose) as server:
        sent = asyncio.run(send_whole(part_of(server.url, requests, concurrency), 2))
        return sent, sorted(int(asked.values["model"]) for asked in server.log)


def test_a_process_that_dies_fails_its_requests_and_no_others() -> None:
    is_killed = threading.Event()

    def choose(_: Answered) -> Script:
        if not is_killed.is_set():
            workers_of(psutil.Process())[0].kill()
            is_killed.set()
        return ANSWER

    sent, _ = send(choose, requests=9, concurrency=4)
    failures = [record.failure for record in sent.records]

    # Each process has every second request.
    assert len(failures) == 9
    assert [set(failures[0::2]), set(failures[1::2])] in (
        [{ChatFailure.CLIENT}, {None}],
        [{None}, {ChatFailure.CLIENT}],
    )
    assert sent.client.error == "a client process ended with exit code -9"
    assert sent.ended_early == ""
    assert not workers_of(psutil.Process())


def test_processes_that_can_not_be_started_fail_the_level_with_the_reason() -> None:
    part = part_of("http://127.0.0.1:1/v1", requests=4, concurrency=2)

    async def send_without_files() -> SentLevel:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            return await send_whole(part, 2)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    sent = asyncio.run(send_without_files())

    assert [record.failure for record in sent.records] == [ChatFailure.CLIENT] * 4
    assert "can't be started: [Errno 24] Too many open files" in sent.client.error


@pytest.mark.alone
@pytest.mark.long
def test_the_stamps_of_all_processes_are_of_one_clock() -> None:
    with serving(ANSWER) as server:
        sent = asyncio.run(send_whole(part_of(server.url, 12, 5), 2))
        sent_by_server = {int(asked.values["model"]): asked for asked in server.log}

    assert sorted(sent_by_server) == list(range(12))
    assert sent.client.processes == 2
    assert sent.client.cpu_cores > sent.client.cpu_share / 2 > 0
    for number, record in enumerate(sent.records):
        stamps, truth = record.stamps, sent_by_server[number]
        assert stamps is not None
        assert record.error == ""
        assert stamps.sent_at_ns <= truth.received_ns + CLOCKS_NS
        late = [
            stamps.sent_at_ns + seen - true
            for seen, true in zip(stamps.token_ns, truth.token_ns, strict=True)
        ]
        assert -CLOCKS_NS <= min(late) <= max(late) < 5e9


@pytest.mark.long
def test_a_process_with_another_clock_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import time; time.perf_counter_ns = lambda: 0")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    sent, seen = send(ANSWER, requests=4, concurrency=2)

    assert sent.client.error == "a client process has another clock"
    assert len(sent.records) == 4
    assert seen == []


@pytest.mark.alone
@pytest.mark.long
def test_arrivals_of_all_processes_follow_one_schedule() -> None:
    with serving(ANSWER) as server:
        part = part_of(server.url, 20, 2, rate_per_s=50.0)
        sent = asyncio.run(send_whole(part, 2))
    sent_s = [record.stamps.sent_at_ns / 1e9 for record in sent.records if record.stamps]

    assert len(sent_s) == 20
    # Early never; late only as far as the machine is busy.
    first_s = sent_s[0]
    assert all(at - first_s > number / 50 - 0.5 for number, at in enumerate(sent_s))


@pytest.mark.alone
@pytest.mark.long
def test_a_stop_in_one_process_stops_all() -> None:
    def choose(asked: Answered) -> Script:
        if int(asked.values["model"]) % 2:
            return Script(steps=(), then=Then.CLOSE)
        return stream(2, ttft_s=0.2)

    sent, seen = send(choose, requests=400, concurrency=4)

    assert sent.ended_early == STOPPED
    assert len(sent.records) < 200
    # The other process had requests to send for 20 s.
    assert 1 <= sum(number % 2 == 0 for number in seen) < 100


@pytest.mark.long
def test_too_few_files_in_a_process_are_named() -> None:
    with serving(ANSWER) as server:
        part = part_of(server.url, 4, 4)
        sent = asyncio.run(send_whole(Part(**(vars(part) | {"concurrency": 10**9})), 2))

    assert {record.failure for record in sent.records} == {ChatFailure.CLIENT}
    assert "RLIMIT_NOFILE" in sent.client.error


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_processes_end_with_their_parent(number: signal.Signals) -> None:
    has_asked = threading.Event()

    def choose(_: Answered) -> Script:
        has_asked.set()
        return Script(steps=(), then=Then.HANG)

    with serving(choose) as server:
        command = [sys.executable, "-c", PARENT, server.url]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as parent:
            assert has_asked.wait(60)
            workers = wait_for(lambda: workers_of(psutil.Process(parent.pid)))
            parent.send_signal(number)
            parent.wait(60)
        _, alive = psutil.wait_procs(workers, timeout=60)

    assert len(workers) == 2
    assert alive == []
