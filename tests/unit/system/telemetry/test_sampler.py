import threading
import time
from itertools import pairwise

from nobs.system.telemetry.sampler import Sampler
from tests.fakes.sensors import Formula, SilentError, make_reader
from tests.fakes.waiting import wait_for

INTERVAL_S = 0.02


def test_both_ends_and_every_interval_are_sampled() -> None:
    start = time.perf_counter()
    with Sampler([make_reader(power_w=lambda _: 7.0)], INTERVAL_S) as sampler:
        (track,) = sampler.tracks
        begun = time.perf_counter()
        wait_for(lambda: len(track.times) >= 6)
        end = time.perf_counter()
    series = track.series("power_w")

    assert start <= series[0][0] <= begun
    assert series[-1][0] >= end
    assert all(moment - series[0][0] >= n * INTERVAL_S for n, (moment, _) in enumerate(series[:6]))
    assert {value for _, value in series} == {7.0}


def test_a_slow_reader_makes_samples_rarer_and_never_a_burst() -> None:
    def slow(_: float) -> float:
        time.sleep(5 * INTERVAL_S)
        return 1.0

    with Sampler([make_reader(power_w=slow)], INTERVAL_S) as sampler:
        times = sampler.tracks[0].times
        wait_for(lambda: len(times) >= 4)

    assert all(b - a >= 5 * INTERVAL_S for a, b in pairwise(times))


def silent_after(readings: int) -> Formula:
    """Return a sensor that answers `readings` times and never again."""
    left = iter(range(readings))

    def read(_: float) -> float:
        if next(left, None) is None:
            raise SilentError
        return 1.0

    return read


def test_a_device_that_falls_silent_leaves_gaps() -> None:
    with Sampler([make_reader(power_w=silent_after(3))], INTERVAL_S) as sampler:
        (track,) = sampler.tracks
        wait_for(lambda: len(track.times) >= 6)

    assert [moment for moment, _ in track.series("power_w")] == [*track.times[:3]]
    assert track.last("power_w") is None


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    with Sampler([make_reader()]):
        during = threading.active_count()

    assert (during, threading.active_count()) == (before + 1, before)
