"""An engine of the test's own, killed and started again while a container of it is at work."""

import gc
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from nobs.launch.engine.client import connect
from tests.container.faulty import IMAGE, build_faulty, contained_run
from tests.container.launching import BASE_IMAGE, Launch
from tests.fakes.rounds import RUN_ID, await_, has_begun, reason_of, result_of, start
from tests.fakes.traces import nothing_left

SAY = (
    "import time\n"
    "for number in range(20): print('line', number, flush=True)\n"
    "print('ready', flush=True)\n"
    "time.sleep(600)"
)


class OwnEngine:
    """A daemon with directories and a socket of its own; it needs root and no network."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.url = f"unix://{directory}/s"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
        words = [f"--{name}={self._directory / path}" for name, path in options.items()]
        # Without a bridge it removes docker0, which in the machine's own network is another's.
        alone = ["unshare", "--net", "dockerd", "--bridge=none", "--iptables=false"]
        self._process = subprocess.Popen(
            [*alone, f"--host={self.url}", *words],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        await_(self._listens)

    def kill(self) -> None:
        """End the daemon as a crash does."""
        self._end(signal.SIGKILL)
        # A process of the old ids may exist for a while yet, and would be taken for them.
        for file in ("s", "pid", "exec/containerd/containerd.pid"):
            (self._directory / file).unlink(missing_ok=True)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(timeout=60)

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as caller:
            return caller.connect_ex(self.url.removeprefix("unix://")) == 0


@pytest.fixture
def own_engine(engine: str) -> Iterator[OwnEngine]:
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("an engine of one's own needs root and dockerd")
    directory = Path(tempfile.mkdtemp(prefix="nobs-engine-", dir="/var/tmp"))
    own = OwnEngine(directory)
    try:
        own.start()
        yield own
    finally:
        own.stop()
        mounts = Path("/proc/mounts").read_text().splitlines()
        for place in (line.split()[1] for line in mounts):
            if place.startswith(str(directory)):
                subprocess.run(["umount", "--lazy", place], check=True)
        shutil.rmtree(directory)


def copy_image(engine: str, image: str, own: OwnEngine) -> None:
    copy = f"docker --host {engine} save {image} | docker --host {own.url} load"
    subprocess.run(["bash", "-c", copy], check=True, capture_output=True)


# The SDK forgets to close a socket that it couldn't connect.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_run_sees_its_container_out_when_the_engine_restarts(
    engine: str, own_engine: OwnEngine, tmp_path: Path
) -> None:
    copy_image(engine, BASE_IMAGE, own_engine)

    def restart(_stream: object, line: str) -> None:
        if line == "ready":
            own_engine.kill()
            back.start()

    back = threading.Timer(2.0, own_engine.start)
    hear: Callable[[object, str], None] = restart
    with connect({"DOCKER_HOST": own_engine.url}) as connection:
        launch = Launch(connection, tmp_path / "run")
        outcome = launch.run(SAY, on_line=hear, timeout_s=120)
        back.join()
        left = launch.left_behind()
    gc.collect()

    assert launch.stdout == [*(f"line {number}" for number in range(20)), "ready"]
    assert outcome.exit_code != 0
    assert "engine stopped" in outcome.error
    assert left == []


@pytest.mark.usefixtures("cpu_image")
def test_a_run_whose_engine_is_killed_and_restarted_keeps_what_is_finished(
    engine: str, own_engine: OwnEngine, tmp_path: Path, client: docker.DockerClient
) -> None:
    build_faulty(engine)
    copy_image(engine, IMAGE, own_engine)
    client.images.remove(IMAGE, force=True)
    run_dir = contained_run(own_engine.url, tmp_path, "fine", "hangs", "last")
    with (
        nothing_left(tmp_path, own_engine.url),
        start(run_dir, "run", "--resume", RUN_ID, DOCKER_HOST=own_engine.url) as launcher,
    ):
        await_(lambda: has_begun(run_dir, "hangs") or launcher.poll() is not None)
        own_engine.kill()
        own_engine.start()
        _, stderr = launcher.communicate(timeout=120)

    # The engine that is back ends what it finds with SIGTERM, which no worker can tell from Ctrl-C.
    assert launcher.returncode == 5, stderr
    ends = [reason_of(run_dir, step) for step in ("fine", "hangs", "last")]
    assert ends == ["ok", "lost: infra", "lost: infra"]
    failure = result_of(run_dir, "hangs").failure
    assert failure is not None
    assert "engine stopped" in failure.message
    assert run_dir.read_report().run.finished is not None
