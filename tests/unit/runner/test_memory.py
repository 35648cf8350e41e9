import gc
import weakref

import pytest

from nobs.runner.memory import clear_memory, leave_out, read_peaks
from nobs.schema.result import Memory


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


@pytest.mark.parametrize(
    ("before", "during", "after", "of_the_work"),
    [
        (100, 300, 300, 100),
        (100, 300, 400, 400),
        (100, 100, 100, 100),
        (None, None, None, None),
    ],
)
def test_what_only_something_else_reached_is_no_peak_of_the_work(
    before: int | None, during: int | None, after: int | None, of_the_work: int | None
) -> None:
    peaks = [Memory(peak_rss_bytes=value) for value in (before, during, after)]

    assert leave_out(*peaks).peak_rss_bytes == of_the_work
