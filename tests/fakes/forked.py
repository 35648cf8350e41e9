"""`nobs` in forks of a process that has imported it: imports are most of a short command's time.

A fork has its own environment, directory and descriptors, and ends as any process does. The server
reads one order a line and answers with exit codes.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
LIMIT_S = 120


@cache
def _server() -> "subprocess.Popen[str]":
    """Start the server of this test process."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.forked"], cwd=REPO,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    atexit.register(server.communicate)
    return server


def run_forked(words: tuple[str, ...], cwd: Path, env: Mapping[str, str], files: list[str]) -> int:
    """Run `nobs` with standard output and error in `files`; return its exit code."""
    server = _server()
    assert server.stdin
    assert server.stdout
    order = {"words": words, "cwd": str(cwd), "env": dict(env), "files": files}
    server.stdin.write(json.dumps(order) + "\n")
    server.stdin.flush()
    return int(server.stdout.readline())


def _serve() -> None:
    from nobs.cli import COMMANDS  # noqa: PLC0415 - those who ask need none of it

    for module in (*(f"nobs.cli.{name}" for name in COMMANDS), "docker", "openai"):
        import_module(module)
    # Else each fork's end copies the pages of every object to collect what the system frees anyway.
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
            return
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(order: dict[str, Any]) -> None:
    """Be the command until it ends, or until it takes too long."""
    signal.alarm(LIMIT_S)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.path[:0] = filter(None, order["env"].get("PYTHONPATH", "").split(os.pathsep))
    for number, name in enumerate([os.devnull, *order["files"]]):
        file = os.open(name, os.O_RDWR)
        os.dup2(file, number)
        os.close(file)
    sys.argv[1:] = order["words"]
    runpy.run_module("nobs", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve()
