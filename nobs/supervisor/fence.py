"""Ends a supervisor whose run another machine has taken over."""

import os
from collections.abc import Callable
from datetime import datetime

from nobs.errors import RunLost, StorageError
from nobs.storage.rundir import RunDir


def guard(run_dir: RunDir) -> Callable[[], None]:
    """Return a check that ends this process if another attempt at the run has begun.

    A machine that was cut off from the disk may come back after another one took its run over: two
    would write the same files. Its children end with this process.
    """
    attempt = _attempt(run_dir)

    def check() -> None:
        if attempt is not None and _attempt(run_dir) not in (attempt, None):
            os._exit(RunLost.exit_code)

    return check


def _attempt(run_dir: RunDir) -> datetime | None:
    """Return when the present attempt began; None if that can't be read."""
    try:
        return run_dir.read_state().since
    except StorageError:
        return None
