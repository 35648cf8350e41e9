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
    """Run `command` while the block runs, with its output as text; then `end` it.

    In a separate session Ctrl-C doesn't reach it: this process handles the signal.
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
    """Close the input, wait `finish_s`, terminate the process, wait `grace_s`, then kill it.

    Afterwards its pipes are closed.
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
