"""Stop signals of every platform as one exception."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

STOP_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


@contextlib.contextmanager
def stop_on_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt, with the signal's name, on the first stop signal.

    Later ones are ignored, so that they don't interrupt the cleanup. Signals that the caller
    ignored, as nohup does, stay ignored.
    """
    known = [getattr(signal, name) for name in STOP_SIGNALS if hasattr(signal, name)]
    numbers = [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]

    def stop(number: int, _frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _forget_interrupt()


def _forget_interrupt() -> None:
    """Let the process end with its exit code, not by SIGINT.

    CPython remembers an interrupt during `exec`, which dataclasses and imports use, and ends by
    SIGINT even if the exception was caught. Another `exec` clears that.
    """
    exec("")  # noqa: S102  # nosec B102
