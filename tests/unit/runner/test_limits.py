from dataclasses import dataclass, replace
from typing import Any

from nobs.runner.limits import COST_SHARE, LimitWatch
from nobs.runner.measure import repeat
from nobs.runner.telemetry import Monitor
from nobs.schema.enums import Backend
from nobs.schema.pins import RepeatPolicy
from nobs.schema.result import Sample
from nobs.system.telemetry.memory import find
from nobs.system.telemetry.reader import Reader, Target
from tests.fakes.naps import Nap
from tests.fakes.sensors import make_reader


@dataclass
class Card:
    """A GPU whose limits are as set; a reading of them takes `cost_s` on its clock."""

    limits: dict[str, Any]
    cost_s: float = 0.0
    now_s: float = 0.0
    readings: int = 0

    def read(self) -> dict[str, Any]:
        self.now_s += self.cost_s
        self.readings += 1
        return dict(self.limits)

    @property
    def reader(self) -> Reader:
        return replace(make_reader(), limits=self.read)


def test_a_limit_that_changes_names_the_repeat() -> None:
    card = Card({"power_limit_w": 450.0, "ecc": True})
    watch = LimitWatch([make_reader(), card.reader], lambda: card.now_s)
    watch.check(1)
    card.limits["power_limit_w"] = 300.0
    watch.check(2)
    watch.check(3)

    (change,) = watch.changes
    assert (change.device, change.limit) == ("a device", "power_limit_w")
    assert (change.before, change.after) == (450.0, 300.0)
    assert (change.first_repeat, change.last_repeat) == (2, 2)


def test_a_limit_that_cannot_be_read_for_once_has_not_changed() -> None:
    card = Card({"power_limit_w": 450.0})
    watch = LimitWatch([card.reader], lambda: card.now_s)
    del card.limits["power_limit_w"]
    watch.check(1)
    card.limits["power_limit_w"] = 450.0
    watch.check(2)
    card.limits["power_limit_w"] = 300.0
    watch.check(3)

    assert [(each.after, each.first_repeat) for each in watch.changes] == [(300.0, 3)]


def test_reading_takes_little_of_the_time_and_short_repeats_share_one() -> None:
    card = Card({"cpu_governor": "performance"}, cost_s=0.001)
    watch = LimitWatch([card.reader], lambda: card.now_s)
    for number in range(1, 10_001):
        card.now_s += 0.001
        if number == 5_000:
            card.limits["cpu_governor"] = "powersave"
        watch.check(number)
    (change,) = watch.changes

    assert card.readings * card.cost_s <= 1.2 * COST_SHARE * card.now_s
    assert change.first_repeat <= 5_000 <= change.last_repeat
    assert change.last_repeat - change.first_repeat < 1_100


def test_the_last_repeat_is_followed_by_a_reading_however_short_it_was() -> None:
    card = Card({"power_limit_w": 450.0}, cost_s=1.0)
    watch = LimitWatch([card.reader], lambda: card.now_s)
    card.limits["power_limit_w"] = 300.0
    watch.check(1)
    watch.check(2)
    watch.check(2, is_last=True)

    assert [(each.first_repeat, each.last_repeat) for each in watch.changes] == [(1, 2)]


def test_a_change_between_repeats_stands_in_the_telemetry() -> None:
    card = Card({"power_limit_w": 450.0})
    monitor = Monitor([card.reader])

    def lower(number: int, _sample: Sample) -> None:
        monitor.mark()
        if number == 2:
            card.limits["power_limit_w"] = 300.0

    with monitor:
        samples = repeat(Nap([0.01]), RepeatPolicy(repeats=4), lower)
    (change,) = monitor.summarise(samples).limit_changes

    assert (change.before, change.after) == (450.0, 300.0)
    assert 3 <= change.first_repeat <= change.last_repeat <= 4


def test_the_limits_of_this_host_stay_the_same_while_it_is_watched() -> None:
    (reader,) = find(Target(backend=Backend.CPU))
    watch = LimitWatch([reader])
    watch.check(1, is_last=True)

    assert "cpu_limit_cores" in watch.first[0]
    assert watch.changes == []
