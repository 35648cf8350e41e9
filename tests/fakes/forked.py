"""`nobs` in forks of a process that has imported it: imports are most of a short command's time.

A fork has its own environment, directory, descriptors and cores, and ends as any process does. The
server gets one order a message, with the descriptors; each order has a keeper, which waits for it.
"""

import atexit
import gc
import json
import os
import runpy
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from select import select
from typing import Any, NoReturn

if sys.platform == "linux":
    import fcntl
    import termios

REPO = Path(__file__).resolve().parents[2]
LIMIT_S = 300
MAX_ORDER_BYTES = 1 << 20
LAUNCHERS = (
    "nobs.cli", "nobs.launch", "nobs.render", "nobs.report", "nobs.storage", "nobs.backends",
    "nobs.providers",
)  # fmt: skip
"""What commands need of NOBS, and with it docker and openai."""
WORKERS = {"nobs.providers.encoder_server", "nobs.providers.llamacpp_server"}
"""What these import is too heavy, and runs in processes of its own."""


class ForkedNobs(subprocess.Popen[str]):
    """`python -m nobs` with these words, imported already; used like any `Popen`.

    With a terminal as standard input and a session of its own, that is the session's terminal.
    """

    _end: int
    """Where its keeper writes its pid and, at its end, its status: a line each."""

    def __init__(self, words: Iterable[str], **options: Any) -> None:
        super().__init__(list(words), text=True, **options)

    # What `Popen` calls to begin and to end a process: the same in Python 3.12 to 3.14.
    def _execute_child(self, *values: Any) -> None:
        words, cwd, env, pipes, is_session = values[0], *values[5:7], values[10:16], values[-2]
        order = {
            "words": words, "cwd": str(cwd or Path.cwd()), "env": dict(env or os.environ),
            "session": is_session, "cores": sorted(os.sched_getaffinity(0)),
        }  # fmt: skip
        given = enumerate((pipes[0], pipes[3], pipes[5]))
        files = [own if file == -1 else file for own, file in given]
        self._end, end = os.pipe()
        socket.send_fds(_server(), [json.dumps(order).encode()], [*files, end])
        os.close(end)
        self.pid = int(_read_line(self._end))
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]

    def _try_wait(self, flags: int) -> tuple[int, int]:
        if flags & os.WNOHANG and not select([self._end], [], [], 0)[0]:
            return 0, 0
        status = int(_read_line(self._end))
        os.close(self._end)
        return self.pid, status

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        if self.returncode is None:
            pid, status = self._try_wait(os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _read_line(file: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(file, 1)
        assert part, "the server of forks is gone"
        line += part
    return line


@cache
def _server() -> socket.socket:
    """Start the server of this test process."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.forked", str(its.fileno())],
            cwd=REPO, pass_fds=[its.fileno()], stdin=subprocess.DEVNULL,
        )  # fmt: skip
    atexit.register(server.wait)
    atexit.register(ours.close)
    return ours


def import_launcher() -> None:
    """Import what commands import when they are called."""
    for package in map(import_module, LAUNCHERS):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            if module.name not in WORKERS:
                import_module(module.name)
    tasks = import_module("nobs.tasks").TASKS
    for name in tasks:
        tasks.load(name)


def _serve(orders: socket.socket) -> None:
    import_launcher()
    # Else each fork's end copies the pages of every object to collect what the system frees anyway.
    gc.freeze()
    while True:
        order, files, _, _ = socket.recv_fds(orders, MAX_ORDER_BYTES, 4)
        if not order:
            return
        if os.fork() == 0:
            orders.close()
            _keep(json.loads(order), files)
        for file in files:
            os.close(file)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass


def _keep(order: dict[str, Any], files: list[int]) -> NoReturn:
    """Begin the command, and say how it ended."""
    *streams, end = files
    child = os.fork()
    if child == 0:
        os.close(end)
        _become(order, streams)
    for file in streams:
        os.close(file)
    os.write(end, b"%d\n" % child)
    os.write(end, b"%d\n" % os.waitpid(child, 0)[1])
    os._exit(0)


def _become(order: dict[str, Any], streams: list[int]) -> NoReturn:
    """Be the command until it ends."""
    if order["session"]:
        os.setsid()
    for number, file in enumerate(streams):
        os.dup2(file, number)
        os.close(file)
    if order["session"] and os.isatty(0):
        # Only the terminal that controls a session turns Ctrl-C into a signal.
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - until its end
    sys.stdout = open(1, "w", buffering=1 if os.isatty(1) else -1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.sched_setaffinity(0, order["cores"])
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.path[:0] = filter(None, order["env"].get("PYTHONPATH", "").split(os.pathsep))
    sys.argv[1:] = order["words"]
    with ending_at_once():
        runpy.run_module("nobs", run_name="__main__", alter_sys=True)
    sys.exit()


@contextmanager
def ending_at_once() -> Iterator[None]:
    """End the process as Python does where this block exits, but leave its modules as they are.

    Taking them apart is most of a short command's time in a fork: it copies nearly every page.
    """
    try:
        yield
    except SystemExit as end:
        if isinstance(end.code, int | None) and _is_done():
            os._exit(end.code or 0)
        raise


def _is_done() -> bool:
    """Do what Python does first at its end; leave a stream that takes nothing to it."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - there is no public name
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no public name
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return False
    return True


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        _serve(orders)
