"""Stop signals, on every platform, as one exception."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

STOP_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


@contextlib.contextmanager
def stop_on_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt, with the signal's name, on the first stop signal.

    Later ones are ignored, so that cleaning up is not interrupted. Signals that the caller had
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
    """Have the process end with the exit code it is given, not by SIGINT.

    CPython notes an interrupt that breaks off an `exec`, as dataclasses and imports use it, and at
    its end dies of SIGINT though the exception was caught. Another `exec` makes it forget.
    """
    exec("")  # noqa: S102  # nosec B102
