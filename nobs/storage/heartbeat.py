"""The heartbeat of a run: whether it is alive, seen from machines that share its disk."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from secrets import token_hex

from nobs.storage.rundir import RunDir

BEAT_S = 5.0
SILENT_S = 20.0
"""A run that doesn't beat for so long is dead."""
_LOOK_S = 0.5


@contextmanager
def beating(run_dir: RunDir, on_beat: Callable[[], None] | None = None) -> Iterator[None]:
    """Change the run's heartbeat file every few seconds while the block runs; then call `on_beat`.

    The file is small and isn't synchronised to the disk: a beat doesn't disturb what is measured.
    """
    over, name = threading.Event(), token_hex(4)

    def beat() -> None:
        for number in count():
            # A full or missing disk is the run's problem, not the heartbeat's.
            with suppress(OSError):
                temporary = run_dir.path / f".heartbeat.{name}"
                temporary.write_text(f"{name} {number}\n")
                temporary.replace(run_dir.heartbeat_file)
            if on_beat is not None:
                on_beat()
            if over.wait(BEAT_S):
                return

    thread = threading.Thread(target=beat, name="nobs-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def is_beating(run_dir: RunDir, watch_s: float = SILENT_S) -> bool:
    """Return whether the heartbeat changes while it is watched.

    No time of another machine or of the file system is compared with this one's clock.
    """
    before, end = _read(run_dir), time.monotonic() + watch_s
    while time.monotonic() < end:
        time.sleep(_LOOK_S)
        if _read(run_dir) != before:
            return True
    return False


def _read(run_dir: RunDir) -> bytes:
    # Opening the file again makes NFS ask its server.
    with suppress(OSError):
        return run_dir.heartbeat_file.read_bytes()
    return b""
