import threading
import time
from itertools import pairwise

from nobs.system.telemetry.sampler import Sampler
from tests.fakes.sensors import SilentError, make_reader


def test_both_ends_and_every_interval_are_sampled() -> None:
    with Sampler([make_reader(power_w=lambda _: 7.0)], interval_s=0.02) as sampler:
        time.sleep(0.5)
    series = sampler.tracks[0].series("power_w")

    assert 5 <= len(series) <= 27
    assert series[-1][0] - series[0][0] >= 0.5
    assert {value for _, value in series} == {7.0}


def test_a_slow_reader_makes_samples_rarer_and_never_a_burst() -> None:
    def slow(_: float) -> float:
        time.sleep(0.1)
        return 1.0

    with Sampler([make_reader(power_w=slow)], interval_s=0.02) as sampler:
        time.sleep(0.5)
    times = sampler.tracks[0].times

    assert len(times) <= 8
    assert all(b - a >= 0.09 for a, b in pairwise(times))


def test_a_device_that_falls_silent_leaves_gaps() -> None:
    def flaky(seconds: float) -> float:
        if seconds > 0.2:
            raise SilentError
        return 1.0

    with Sampler([make_reader(power_w=flaky)], interval_s=0.02) as sampler:
        time.sleep(0.4)
    track = sampler.tracks[0]

    assert 0 < len(track.series("power_w")) < len(track.times)


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    with Sampler([make_reader()]):
        during = threading.active_count()

    assert (during, threading.active_count()) == (before + 1, before)
