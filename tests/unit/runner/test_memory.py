import gc
import weakref

from nobs.runner.memory import clear_memory, read_peaks


class Big:
    """Something in a reference cycle, as models are."""

    def __init__(self) -> None:
        self.weights = bytearray(1000)
        self.me = self


def test_cycles_are_freed() -> None:
    gc.disable()
    big = Big()
    reference = weakref.ref(big)
    del big
    clear_memory()
    gc.enable()

    assert reference() is None


def test_peak_is_in_bytes() -> None:
    peak = read_peaks("cpu").peak_rss_bytes

    assert peak is not None
    assert 10 << 20 < peak < 1 << 40
