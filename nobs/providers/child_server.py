"""What the child processes with a server share: they end with their parent, and log elsewhere."""

import os
import shutil
import signal
import threading
from typing import TextIO


def live_with_parent(directory: str) -> None:
    """End this process when its standard input does, and remove `directory`, where its log is.

    A parent that was killed can't remove it. Ctrl-C reaches the whole group, but the parent decides
    when the server isn't needed any more.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(directory,), daemon=True).start()


def _end_with_parent(directory: str) -> None:
    """Wait until nobody holds the other end of standard input, however the parent ended."""
    # Unbuffered: Python aborts, with a log of its own, if it ends while a buffer is being read.
    while os.read(0, 1024):
        pass
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(0)


def keep_stdout() -> TextIO:
    """Return standard output for our own line; what libraries print goes to the log."""
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return kept
