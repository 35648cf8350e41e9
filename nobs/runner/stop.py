"""The stop signal of a step's process: it may keep the repeats that it has finished."""

import signal
from types import FrameType


class Stopped(KeyboardInterrupt):
    """The run was interrupted.

    A KeyboardInterrupt, so that neither `except Exception` nor an event loop holds it up.
    """


def stop_on_term() -> None:
    """Raise Stopped in the main thread on the first SIGTERM; later ones are ignored.

    Schedulers signal every process of a job, so that it may come twice.
    """
    signal.signal(signal.SIGTERM, _stop)


def finish_undisturbed() -> None:
    """Ignore the signal from here on: what is left takes a moment and must be written."""
    if signal.getsignal(signal.SIGTERM) is _stop:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _stop(_number: int, _frame: FrameType | None) -> None:
    finish_undisturbed()
    raise Stopped
