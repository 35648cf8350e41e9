from typing import NamedTuple

from nobs.runner.measure import busy_s, is_enough, repeat
from nobs.schema.pins import RepeatPolicy
from nobs.schema.result import Sample
from tests.fakes.naps import Nap


def ignore(_number: int, _sample: Sample) -> None:
    pass


def test_fixed_repeats_are_exactly_that_many() -> None:
    samples = repeat(Nap([0.001]), RepeatPolicy(repeats=4), ignore)

    assert len(samples) == 4


def test_device_is_synchronised_before_and_after_the_clock() -> None:
    work = Nap([0.001])
    repeat(work, RepeatPolicy(repeats=2), ignore)

    assert work.calls == ["synchronize", "run", "synchronize"] * 2


def test_wide_interval_goes_on_until_the_budget_is_spent() -> None:
    work = Nap([0.01, 0.05] * 50)
    samples = repeat(work, RepeatPolicy(time_budget_s=0.5), ignore)

    assert 3 < len(samples) < 50
    assert sum(sample.duration_s for sample in samples[:-1]) < 0.5


def test_at_least_the_minimum_is_made_whatever_the_budget() -> None:
    samples = repeat(Nap([0.02]), RepeatPolicy(time_budget_s=0.001), ignore)

    assert len(samples) == 3


def test_narrow_interval_stops_early_but_never_before_it_is_sure() -> None:
    samples = repeat(Nap([0.001]), RepeatPolicy(ci_rel_width=1e9), ignore)

    assert len(samples) == 6


def test_samples_are_raw_and_told_between_the_timed_regions() -> None:
    told: list[tuple[int, Sample]] = []

    pause = Nap([0.05])

    def slow(number: int, sample: Sample) -> None:
        pause.run()
        told.append((number, sample))

    samples = repeat(Nap([0.01]), RepeatPolicy(repeats=3), slow)

    assert [sample for _, sample in told] == samples
    assert [number for number, _ in told] == [1, 2, 3]
    ends = [sample.start_s + sample.duration_s for sample in samples]
    starts = [sample.start_s for sample in samples]
    assert all(start - end >= 0.05 for end, start in zip(ends[:-1], starts[1:], strict=True))


def test_sleeping_uses_no_cpu_time_of_its_own() -> None:
    sample = repeat(Nap([0.2]), RepeatPolicy(repeats=1), ignore)[0]

    assert sample.cpu_time_s < 0.1


class LinuxTimes(NamedTuple):
    """What Linux counts; `user` and `nice` hold the guests' time as well."""

    user: float = 10.0
    nice: float = 2.0
    system: float = 3.0
    idle: float = 500.0
    iowait: float = 70.0
    irq: float = 0.5
    softirq: float = 0.25
    steal: float = 40.0
    guest: float = 6.0
    guest_nice: float = 1.0


class WindowsTimes(NamedTuple):
    """What Windows counts."""

    user: float = 10.0
    system: float = 3.0
    idle: float = 500.0


def test_a_machine_works_when_it_neither_idles_nor_waits_nor_is_robbed() -> None:
    assert (busy_s(LinuxTimes()), busy_s(WindowsTimes())) == (15.75, 13.0)


def test_many_repeats_are_looked_at_in_growing_steps() -> None:
    same = [Sample(start_s=0.0, duration_s=1.0, units=1, cpu_time_s=0.0)] * 130
    enough = [count for count in range(131) if is_enough(same[:count], RepeatPolicy(), 0.0)]

    assert enough == [*range(6, 100), *range(100, 131, 2)]
