import asyncio
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from nobs.tasks.llms.client.arrival import ArrivalSocket, connected
from nobs.tasks.llms.client.exchange import Limits
from nobs.tasks.llms.client.protocol import Wire


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
        time.sleep(0.1)
        read_ns = time.perf_counter_ns()
        assert reader.recv_into(bytearray(10)) == 3
        if reader.arrived_ns is not None:
            break

    assert reader.arrived_ns is not None
    assert before_ns <= reader.arrived_ns < read_ns


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


@pytest.mark.parametrize(
    ("arrived_ns", "expected"), [(-(10**18), "first"), (10**18, "now"), (None, "now")]
)
def test_a_stamp_lies_between_the_last_one_and_now(arrived_ns: int | None, expected: str) -> None:
    async def stamps() -> list[int]:
        with ArrivalSocket() as sock:
            wire = Wire(Limits(), asyncio.get_running_loop(), sock)
            wire.buffer_updated(1)
            sock.arrived_ns = arrived_ns
            wire.buffer_updated(1)
        return wire._stamps

    first_ns, second_ns = asyncio.run(stamps())

    assert first_ns <= second_ns <= time.perf_counter_ns()
    assert (second_ns == first_ns) == (expected == "first")
