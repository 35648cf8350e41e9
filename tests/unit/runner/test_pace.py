"""Rests and probes between repeats, on a clock that only sleeping moves."""

from collections.abc import Iterator

import pytest

from nobs.runner.measure import repeat
from nobs.runner.pace import Pace, make_pace
from nobs.schema.pins import RepeatPolicy
from nobs.schema.result import Sample
from tests.fakes.naps import Nap

AUTO = RepeatPolicy(rest_s=60.0, rest_until_recovered=True)


class Clock:
    """Time that passes by sleeping, and by each matrix product."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Cooling:
    """A device at 50 degrees that is at 80 after work and loses 2 per second."""

    def __init__(self, clock: Clock, floor_c: float = 50.0) -> None:
        self._clock, self._floor_c = clock, floor_c
        self.heated_s: float | None = None

    def read(self) -> dict[str, float]:
        if self.heated_s is None:
            return {"temperature_c": 50.0}
        return {"temperature_c": max(self._floor_c, 80.0 - 2 * (self._clock() - self.heated_s))}


class Rates:
    """A fixed product of 10 ms whose rates are given."""

    def __init__(self, clock: Clock, rates: Iterator[float]) -> None:
        self._clock, self._rates = clock, rates
        self.products = 0

    def flop_per_s(self) -> float:
        self._clock.sleep(0.01)
        self.products += 1
        return next(self._rates)


def of_first(count: int, then: list[float]) -> Iterator[float]:
    yield from [1e12] * count
    yield from then
    while True:
        yield then[-1]


def test_a_fixed_rest_lasts_as_long_as_asked() -> None:
    clock = Clock()
    pace = Pace(RepeatPolicy(rest_s=10.0), dict, clock=clock, sleep=clock.sleep)

    assert pace.rest() == 10.0
    assert pace.warnings() == ()


def test_a_rest_ends_when_the_device_is_cool_again() -> None:
    clock = Clock()
    device = Cooling(clock)
    pace = Pace(AUTO, device.read, clock=clock, sleep=clock.sleep)
    device.heated_s = clock()

    assert pace.rest() == pytest.approx(14.0)
    assert pace.warnings() == ()


def test_a_device_that_stays_hot_is_waited_for_a_minute_and_reported() -> None:
    clock = Clock()
    device = Cooling(clock, floor_c=60.0)
    pace = Pace(AUTO, device.read, clock=clock, sleep=clock.sleep)
    device.heated_s = clock()

    assert pace.rest() == pytest.approx(60.0)
    assert "1 rests ended after 60 s" in pace.warnings()[0]
    assert "within 2 degrees of 50" in pace.warnings()[0]


def test_without_a_sensor_the_rest_follows_the_fixed_product() -> None:
    clock = Clock()
    probe = Rates(clock, of_first(5, [0.8e12, 0.9e12, 0.99e12]))
    pace = Pace(AUTO, dict, probe, clock=clock, sleep=clock.sleep)

    assert pace.rest() == pytest.approx(2.03)
    assert pace.warnings() == ()


def test_a_rest_that_nothing_can_end_is_ten_seconds_and_says_so() -> None:
    clock = Clock()
    pace = Pace(AUTO, dict, clock=clock, sleep=clock.sleep)

    assert pace.rest() == 10.0
    assert pace.warnings() == ("No sensor shows recovery here, so each rest took 10 s.",)


def test_products_take_no_more_than_two_thousandths_of_the_time() -> None:
    clock = Clock()
    probe = Rates(clock, of_first(5, [0.9e12]))
    pace = Pace(RepeatPolicy(sustain_s=900.0), dict, probe, clock=clock, sleep=clock.sleep)
    before, start_s = probe.products, clock()
    found = []
    while clock() - start_s < 900:
        clock.sleep(0.5)
        found.append(pace.probe())

    assert found[0] == 0.9e12
    assert found[1] is None
    spent_s = 0.01 * (probe.products - before)
    assert 0.001 * 900 < spent_s <= 0.002 * 900 + 0.01


def test_repeats_without_rest_have_no_pace() -> None:
    assert make_pace(RepeatPolicy(), dict, "cpu") is None


def test_rests_stand_in_the_samples_and_not_in_the_time_budget() -> None:
    policy = RepeatPolicy(rest_s=0.05, time_budget_s=0.1, ci_rel_width=1e-9)
    samples = repeat(Nap([0.01]), policy, lambda _number, _sample: None, Pace(policy, dict))

    assert samples[0].rested_s == 0.0
    assert all(sample.rested_s >= 0.05 for sample in samples[1:])
    assert len(samples) > 3


def test_a_sustained_measurement_goes_on_although_the_ci_is_narrow() -> None:
    policy = RepeatPolicy(sustain_s=1.0, ci_rel_width=1e9)
    samples: list[Sample] = repeat(Nap([0.01]), policy, lambda _number, _sample: None)

    assert samples[-1].start_s + samples[-1].duration_s >= 1.0
    assert len(samples) > 6
