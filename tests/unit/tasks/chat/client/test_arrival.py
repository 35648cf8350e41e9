import asyncio
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator

import pytest

from nobs.tasks.chat.client import loopback
from nobs.tasks.chat.client.arrival import ArrivalSocket, connected
from nobs.tasks.chat.client.exchange import Limits
from nobs.tasks.chat.client.protocol import Wire
from tests.fakes.llm_streams import head

LATE_NS = 5_000_000


@pytest.fixture
def pair() -> Iterator[tuple[ArrivalSocket, socket.socket]]:
    async def connect(listener: socket.socket) -> ArrivalSocket:
        return await connected(*listener.getsockname())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        reader = asyncio.run(connect(listener))
        sender, _ = listener.accept()
        with reader, sender:
            yield reader, sender


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps what a TCP socket receives")
def test_a_late_reader_learns_when_the_bytes_came(
    pair: tuple[ArrivalSocket, socket.socket],
) -> None:
    reader, sender = pair
    for _ in range(100):  # the first socket of a machine to ask is served some moments later
        before_ns = time.perf_counter_ns()
        sender.sendall(b"abc")
        assert select.select([reader], [], [], 60)[0]
        here_ns = time.perf_counter_ns()
        while time.perf_counter_ns() < here_ns + 2 * LATE_NS:
            pass
        assert reader.recv_into(bytearray(10)) == 3
        if reader.arrived_ns is not None:
            break

    assert reader.arrived_ns is not None
    assert before_ns <= reader.arrived_ns < here_ns + LATE_NS


def test_a_pause_between_two_clocks_does_not_shift_a_stamp(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The reader is preempted for 1 ms: before it reads the wall clock, then after it."""
    clock = iter([0, 1_000_100, 2_000_000, 3_000_100, 4_000_000, 4_000_100])
    wall = iter([1_000_050, 2_000_050, 4_000_050])
    monkeypatch.setattr(loopback, "now_ns", lambda: next(clock))
    monkeypatch.setattr(time, "time_ns", lambda: next(wall))
    stamp = (socket.SOL_SOCKET, loopback.SO_TIMESTAMPNS, struct.pack("qq", 0, 3_900_000))

    assert loopback.arrived_ns([stamp]) == 3_900_000


def test_nothing_to_read_is_told_as_asyncio_expects(
    pair: tuple[ArrivalSocket, socket.socket],
) -> None:
    with pytest.raises(BlockingIOError):
        pair[0].recv_into(bytearray(10))


def test_a_host_without_a_server_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()

    with pytest.raises(ConnectionRefusedError):
        asyncio.run(connected(*address))


class Silent(asyncio.Transport):
    """A connection that takes a request and sends nothing by itself."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass


@pytest.mark.parametrize(
    ("arrived_ns", "expected"), [(-(10**18), "first"), (10**18, "now"), (None, "now")]
)
def test_a_stamp_lies_between_the_last_one_and_now(arrived_ns: int | None, expected: str) -> None:
    async def stamps() -> list[int]:
        with ArrivalSocket() as sock:
            wire = Wire(Limits(), asyncio.get_running_loop(), sock)
            wire.connection_made(Silent())
            asked = asyncio.create_task(wire.exchange(b""))
            await asyncio.sleep(0)
            for data, moment_ns in ((head("Content-Length: 1"), None), (b"x", arrived_ns)):
                wire.get_buffer(len(data))[: len(data)] = data
                sock.arrived_ns = moment_ns
                wire.buffer_updated(len(data))
            return list((await asked).stamps)

    first_ns, second_ns = asyncio.run(stamps())

    assert first_ns <= second_ns <= time.perf_counter_ns()
    assert (second_ns == first_ns) == (expected == "first")
