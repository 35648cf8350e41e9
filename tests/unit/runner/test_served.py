"""The CPU time of a server, and that of other processes."""

import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection

import psutil
import pytest

from nobs.runner.served import ServerClock, split_foreign
from nobs.schema.result import Sample
from nobs.schema.server import Locality, ServerRef
from nobs.system.processes import find_listener
from tests.fakes.waiting import wait_for


def spin_behind_a_port(tell: Connection) -> None:
    """Listen, and have a child of this process compute."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        child = multiprocessing.get_context("spawn").Process(target=spin)
        child.start()
        tell.send(listener.getsockname()[1])
        child.join()


def spin() -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a server whose child keeps a core busy."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=spin_behind_a_port, args=(there,))
    server.start()
    assert here.poll(60)
    yield here.recv()
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(server.pid).children(recursive=True):
            process.kill()
    server.join()


def server(url: str, locality: Locality, **fields: str) -> ServerRef:
    return ServerRef(provider="openai", base_url=url, model="m", locality=locality, **fields)


def test_work_of_a_servers_children_is_its_own(port: int) -> None:
    clock = ServerClock(server(f"http://127.0.0.1:{port}/v1", Locality.LOCAL))

    assert clock.lap() is None
    assert 0 < (wait_for(clock.lap) or 0) < 30


def test_a_server_that_is_not_seen_has_no_time(port: int) -> None:
    url = f"http://127.0.0.1:{port}/v1"
    for hidden in (
        None,
        server(url, Locality.UNKNOWN),
        server(url, Locality.LOCAL, socket="/run/server.sock"),
        server("http://127.0.0.1:9/v1", Locality.LOCAL),
    ):
        clock = ServerClock(hidden)
        assert [clock.is_seen, clock.lap(), clock.lap()] == [False, None, None]


def test_a_server_elsewhere_uses_nothing_here() -> None:
    clock = ServerClock(server("http://192.0.2.1:1/v1", Locality.REMOTE))
    assert (clock.is_seen, clock.lap()) == (True, 0.0)


def test_a_server_that_ended_is_seen_no_more(port: int) -> None:
    clock = ServerClock(server(f"http://127.0.0.1:{port}/v1", Locality.LOCAL))
    clock.lap()
    listener = find_listener(port)
    assert listener
    for process in (*listener.children(), listener):
        process.kill()
    listener.wait(60)

    assert clock.lap() is None


@pytest.mark.parametrize(
    ("foreign_s", "server_s", "left_s"), [(5.0, 4.5, 0.5), (5.0, None, None), (None, 4.5, None)]
)
def test_what_is_not_the_servers_is_foreign(
    foreign_s: float | None, server_s: float | None, left_s: float | None
) -> None:
    sample = Sample(start_s=0, duration_s=3, units=1, cpu_time_s=0.1, foreign_cpu_s=foreign_s)
    split = split_foreign(sample, server_s)

    assert (split.foreign_cpu_s, split.server_cpu_s) == (left_s, server_s)
