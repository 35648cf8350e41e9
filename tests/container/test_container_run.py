"""A container's life: its output, its end, and that nothing of it stays."""

import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from nobs.errors import EngineError, NobsError, RunLost, StorageError
from nobs.launch.container.logs import Stream
from nobs.launch.engine.client import Engine, connect
from tests.container.launching import BASE_IMAGE, Launch


@pytest.fixture
def connected(engine: str) -> Iterator[Engine]:
    with connect({"DOCKER_HOST": engine}) as connection:
        yield connection


@pytest.fixture
def launch(connected: Engine, tmp_path: Path) -> Launch:
    return Launch(connected, tmp_path / "run")


def test_every_line_arrives_once_on_its_stream(launch: Launch) -> None:
    code = (
        "import sys\n"
        "print('first'); print('warning', file=sys.stderr)\n"
        "print('x' * 100_000); print(); print('café')\n"
        "sys.stdout.write('no newline')"
    )

    outcome = launch.run(code)

    assert outcome.exit_code == 0
    assert launch.stdout == ["first", "x" * 100_000, "", "café", "no newline"]
    assert launch.stderr == ["warning"]
    assert launch.left_behind() == []


def test_many_lines_arrive_in_their_order(launch: Launch) -> None:
    launch.run("for number in range(20_000): print('line', number, 'y' * 80)")

    assert launch.stdout == [f"line {number} {'y' * 80}" for number in range(20_000)]


def test_lines_are_heard_while_the_container_runs(launch: Launch) -> None:
    heard_at_go: list[str] = []

    def go(_stream: Stream, line: str) -> None:
        if line == "ready":
            heard_at_go.append(line)
            (launch.run_dir / "go").touch()

    code = (
        "import pathlib, time\n"
        "print('ready')\n"
        "while not pathlib.Path('/run-dir/go').exists(): time.sleep(0.02)\n"
        "print('done')"
    )
    launch.run(code, on_line=go, timeout_s=60)

    assert heard_at_go == ["ready"]
    assert launch.stdout == ["ready", "done"]


def test_the_exit_code_is_the_programs(launch: Launch) -> None:
    outcome = launch.run("raise SystemExit(7)")

    assert (outcome.exit_code, outcome.oom_killed, outcome.interrupted) == (7, False, False)
    assert outcome.finished >= outcome.started
    assert outcome.image_id == launch.engine.client.images.get(BASE_IMAGE).id


def test_too_little_memory_is_told_from_other_ends(launch: Launch) -> None:
    outcome = launch.run("x = bytearray(400 << 20); print(len(x))", memory_bytes=64 << 20)

    assert outcome.oom_killed
    assert outcome.exit_code == 137
    assert launch.left_behind() == []


def test_at_the_deadline_the_program_gets_its_time_to_clean_up(launch: Launch) -> None:
    code = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        "    print('cleaned up', end='', flush=True)\n"
        "    sys.exit(9)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)"
    )

    outcome = launch.run(code, timeout_s=10)

    assert outcome.timed_out
    assert outcome.exit_code == 9
    assert launch.stdout == ["ready", "cleaned up"]
    assert launch.left_behind() == []


def test_an_interrupt_stops_the_container_and_keeps_its_output(launch: Launch) -> None:
    def interrupt(_stream: Stream, line: str) -> None:
        if line == "ready":
            signal.raise_signal(signal.SIGINT)

    code = "import time\nprint('a'); print('ready'); print('b', flush=True); time.sleep(600)"
    outcome = launch.run(code, on_line=interrupt)

    assert outcome.interrupted
    assert outcome.exit_code == 143
    assert launch.stdout == ["a", "ready", "b"]
    assert launch.left_behind() == []


def test_a_terminated_launcher_leaves_no_container(launch: Launch, engine: str) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from nobs.launch.engine.client import connect\n"
        "from nobs.supervisor.signals import stop_on_signals\n"
        "from tests.container.launching import Launch\n"
        "with connect() as engine, stop_on_signals():\n"
        f"    launch = Launch(engine, Path({str(launch.run_dir)!r}), {launch.run_id!r})\n"
        "    hear = lambda _, line: print(line, flush=True)\n"
        "    outcome = launch.run('import time; print(1, flush=True); time.sleep(600)', "
        "on_line=hear)\n"
        "sys.exit(130 if outcome.interrupted else 1)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env=os.environ | {"DOCKER_HOST": engine},
        text=True,
    ) as launcher:
        assert launcher.stdout is not None
        assert launcher.stdout.readline() == "1\n"
        launcher.terminate()
        code = launcher.wait(timeout=60)

    assert code == 130
    assert launch.left_behind() == []


def test_a_failing_listener_leaves_no_container(launch: Launch) -> None:
    def fail(_stream: Stream, _line: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        launch.run("import time; print(1, flush=True); time.sleep(600)", on_line=fail)

    assert launch.left_behind() == []


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"image": "nobs-test:nosuch"}, "nobs build"),
        ({"network": "nosuchnetwork"}, "journalctl"),
    ],
)
def test_a_refused_container_is_an_error_with_its_remedy(
    launch: Launch, changes: dict[str, Any], remedy: str
) -> None:
    with pytest.raises(NobsError) as caught:
        launch.run("print(1)", **changes)

    assert isinstance(caught.value, EngineError)
    assert remedy in caught.value.remedy
    assert launch.left_behind() == []


def test_an_image_without_the_program_says_so(launch: Launch) -> None:
    outcome = launch.run("", command=("/no/such/program",))

    assert outcome.exit_code == 127
    assert "/no/such/program" in launch.stderr[0]


def test_another_container_of_the_name_is_left_alone(launch: Launch) -> None:
    plan = launch.plan("")
    other = launch.engine.client.containers.create(BASE_IMAGE, "true", name=plan.name)
    try:
        with pytest.raises(EngineError, match="exists already"):
            launch.run("print(1)")
        other.reload()
    finally:
        other.remove(force=True)


def test_a_directory_that_cannot_be_made_is_refused_before_anything_exists(
    launch: Launch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StorageError):
        launch.run("print(1)", cache_dir=tmp_path / "file" / "cache")

    assert launch.left_behind() == []


class Proxy:
    """A unix socket in front of an engine, which can be cut like an engine that dies."""

    def __init__(self, path: str, target: str) -> None:
        self._target = target
        self._open: list[socket.socket] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(path)
        self._server.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._target)
                self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        for each in (self._server, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture
def socket_dir() -> Iterator[Path]:
    """Return a directory whose path is short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="nobs-"))
    yield path
    shutil.rmtree(path)


def lose_engine(target: str, directory: Path, run_dir: Path) -> tuple[str, str]:
    """Cut the engine off while a container runs; return the run's id and the error's remedy."""
    with ExitStack() as stack:
        proxy = Proxy(str(directory / "s"), target)
        stack.callback(proxy.cut)
        through = stack.enter_context(connect({"DOCKER_HOST": f"unix://{directory}/s"}))
        launch = Launch(through, run_dir)
        with pytest.raises(RunLost) as caught:
            launch.run(
                "import time; print(1, flush=True); time.sleep(600)",
                on_line=lambda _stream, _line: proxy.cut(),
                engine_return_s=0.5,
            )
        return launch.run_id, caught.value.remedy


# The SDK forgets to close a socket that it couldn't connect.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_an_engine_that_goes_away_is_a_lost_run(
    engine: str, connected: Engine, tmp_path: Path, socket_dir: Path
) -> None:
    if not engine.startswith("unix://"):
        pytest.fail("this test cuts the connection of an engine behind a unix socket")

    run_id, remedy = lose_engine(engine.removeprefix("unix://"), socket_dir, tmp_path / "run")
    gc.collect()

    assert f"nobs attach {run_id}" in remedy
    connected.client.containers.get(f"nobs-{run_id}").remove(force=True)
