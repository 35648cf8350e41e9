"""Child processes that end with the block that started them."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

_OWN_SESSION: dict[str, Any] = (
    {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    if sys.platform == "win32"
    else {"start_new_session": True}
)


@contextmanager
def child(
    command: Sequence[str],
    *,
    own_session: bool = True,
    finish_s: float = 0.0,
    grace_s: float = 5.0,
    **options: Any,  # noqa: ANN401 - those of Popen
) -> Iterator[subprocess.Popen[str]]:
    """Run `command` for the time of the block, with its output as text; then `end` it.

    In a session of its own a Ctrl-C of the terminal doesn't reach it: that is ours to handle.
    """
    settings: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **options}
    session = _OWN_SESSION if own_session else {}
    process = subprocess.Popen(
        command, text=True, encoding="utf-8", errors="replace", **session, **settings
    )
    try:
        yield process
    finally:
        end(process, finish_s=finish_s, grace_s=grace_s)


def end(process: subprocess.Popen[str], *, finish_s: float = 0.0, grace_s: float = 5.0) -> None:
    """Close the process's input, let it finish for `finish_s`, terminate it, and kill it at last.

    From being terminated to being killed it has `grace_s`. Afterwards its pipes are closed.
    """
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
    for stop, wait_s in ((None, finish_s), (process.terminate, grace_s), (process.kill, None)):
        if stop is not None:
            stop()
        with suppress(subprocess.TimeoutExpired):
            process.wait(wait_s)
            break
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
