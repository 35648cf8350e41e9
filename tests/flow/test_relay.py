"""The relay as a process of its own, with real sockets at both ends."""

import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from nobs.errors import StorageError
from nobs.launch.server.relay import relaying
from tests.fakes.ports import free_port
from tests.fakes.rounds import await_

OWNER = (os.getuid(), os.getgid())
BIG = bytes(range(256)) * 40_000


@contextmanager
def serving(answer: bytes) -> Iterator[int]:
    """Answer each connection, once its other direction has ended, with what came and `answer`."""

    def serve() -> None:
        for _ in range(2):
            peer, _ = listener.accept()
            with peer:
                peer.sendall(read_all(peer) + answer)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def read_all(peer: socket.socket) -> bytes:
    parts = []
    while part := peer.recv(65536):
        parts.append(part)
    return b"".join(parts)


def ask(path: Path, request: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(30)
        caller.connect(str(path))
        sender = threading.Thread(target=send_whole, args=(caller, request))
        sender.start()
        answer = read_all(caller)
        sender.join()
        return answer


def send_whole(caller: socket.socket, request: bytes) -> None:
    with suppress(BrokenPipeError):
        caller.sendall(request)
        caller.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("request_bytes", [b"", b"hello", BIG], ids=["empty", "short", "10 MB"])
def test_bytes_pass_both_ways_and_each_direction_ends_by_itself(
    tmp_path: Path, request_bytes: bytes
) -> None:
    with serving(BIG) as port, relaying(tmp_path / "r", "127.0.0.1", port, OWNER) as path:
        first, second = ask(path, request_bytes), ask(path, b"again")

    assert first == request_bytes + BIG
    assert second == b"again" + BIG


def test_who_asks_hears_why_there_is_no_server(tmp_path: Path) -> None:
    port = free_port()
    with relaying(tmp_path / "r", "127.0.0.1", port, OWNER) as path:
        answer = ask(path, b"GET / HTTP/1.1\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert f"can't connect to 127.0.0.1:{port}".encode() in answer
    assert b"refused" in answer


def test_who_asks_hears_that_a_name_means_nothing(tmp_path: Path) -> None:
    with relaying(tmp_path / "r", "nowhere.invalid", 80, OWNER) as path:
        answer = ask(path, b"")

    assert b"can't connect to nowhere.invalid:80: " in answer
    assert b"Unknown error" not in answer


def test_only_the_owner_may_connect_and_nothing_is_left(tmp_path: Path) -> None:
    directory = tmp_path / "r"
    with relaying(directory, "127.0.0.1", 9, OWNER) as path:
        modes = [stat.S_IMODE(item.stat().st_mode) for item in (directory, path)]

    assert modes == [0o700, 0o600]
    assert not directory.exists()


def test_a_directory_that_is_there_already_is_never_used(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match="Can't create the directory"),
        relaying(tmp_path, "127.0.0.1", 9, OWNER),
    ):
        pass

    assert tmp_path.exists()


def test_a_relay_ends_with_a_killed_launcher_and_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import os, time\nfrom pathlib import Path\nfrom nobs.launch.server.relay import relaying\n"
        f"with relaying(Path({str(tmp_path / 'r')!r}), '127.0.0.1', 9, {OWNER}):\n"
        "    print('open', flush=True)\n    time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as launcher:
        assert launcher.stdout is not None
        assert launcher.stdout.readline() == b"open\n"
        launcher.send_signal(signal.SIGKILL)

    await_(lambda: not (tmp_path / "r").exists())


def test_the_socket_of_a_killed_relay_gives_its_place_to_the_next(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "r" / "server.sock"))

    with relaying(tmp_path / "r", "127.0.0.1", 9, OWNER):
        pass

    assert not (tmp_path / "r").exists()


def test_a_server_that_breaks_off_ends_the_caller_s_connection(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as listener,
        relaying(tmp_path / "r", "127.0.0.1", listener.getsockname()[1], OWNER) as path,
        socket.socket(socket.AF_UNIX) as caller,
    ):
        caller.settimeout(30)
        caller.connect(str(path))
        caller.sendall(b"a request")
        peer, _ = listener.accept()
        peer.recv(9)
        # A reset instead of an end, as from a server that was killed.
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()

        assert read_all(caller) == b""
        with pytest.raises(BrokenPipeError):
            send_until_closed(caller)

    assert capfd.readouterr().err == ""


def send_until_closed(caller: socket.socket) -> None:
    while True:
        caller.sendall(b"more")
