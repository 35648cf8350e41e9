from array import array
from typing import Any

import pytest

from nobs.schema.telemetry import DeviceKind, Evidence
from nobs.system.telemetry.clock_limit import find_clock_limit
from nobs.system.telemetry.nvidia import REASONS
from nobs.system.telemetry.reader import Reader
from nobs.system.telemetry.sampler import Track

SET, POWER, IDLE = 0x2, 0x4, 0x1
H100 = {"set_clock_hz": 1.98e9, "default_set_clock_hz": 1.98e9, "max_clock_hz": 1.98e9}


def track(facts: dict[str, Any], clocks: list[float], masks: list[int]) -> Track:
    """Samples at seconds 0, 1, 2, ..."""
    reader = Reader(vendor="nvidia", name="a GPU", kind=DeviceKind.GPU, facts=facts,
                    throttle_reasons=REASONS)  # fmt: skip
    values = {"clock_hz": array("d", clocks), "throttle": array("d", masks)}
    return Track(reader=reader, times=array("d", range(len(clocks))), values=values)


def test_an_application_clock_below_the_default_is_a_limit() -> None:
    found = find_clock_limit(track(H100 | {"set_clock_hz": 1.2e9}, [1.2e9], [SET]), 0, 9)

    assert (found.value, found.evidence) == (1.2e9, Evidence.MEASURED)


@pytest.mark.parametrize(
    "facts", [H100, {"max_clock_hz": 1.98e9}], ids=["application clocks", "none in this driver"]
)
def test_a_locked_clock_is_seen_by_the_reason_of_the_driver(facts: dict[str, float]) -> None:
    clocks = [0.3e9, 1.2e9, 1.2e9, 1.185e9, 1.2e9]
    found = find_clock_limit(track(facts, clocks, [IDLE, SET, SET, SET | POWER, SET]), 0, 9)

    assert (found.value, found.evidence) == (1.2e9, Evidence.ESTIMATED)
    assert "a locked clock can't be read" in found.how


@pytest.mark.parametrize(
    ("clocks", "masks"),
    [
        ([1.2e9, 1.2e9, 1.2e9], [POWER, POWER, POWER]),
        ([1.2e9, 1.9e9, 1.9e9], [SET, POWER, 0]),
        ([1.98e9, 1.98e9, 1.965e9], [SET, SET, SET]),
    ],
    ids=["the power limit", "a moment", "the usual clock"],
)
def test_other_reasons_and_the_usual_clock_are_no_limit(
    clocks: list[float], masks: list[int]
) -> None:
    assert find_clock_limit(track(H100, clocks, masks), 0, 9).value is None


def test_only_samples_of_the_repeats_count() -> None:
    found = find_clock_limit(track(H100, [1.2e9] * 6, [SET, SET, SET, SET, 0, 0]), 4, 5)

    assert found.value is None
