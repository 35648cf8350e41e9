import pytest

from nobs.cli.repeats import RepeatProgress
from nobs.schema.pins import RepeatPolicy


def run(policy: RepeatPolicy, *durations_s: float) -> RepeatProgress:
    repeats = RepeatProgress(policy)
    for duration_s in durations_s:
        repeats.add(duration_s)
    return repeats


@pytest.mark.parametrize(
    ("policy", "durations_s", "share", "rest"),
    [
        (RepeatPolicy(repeats=4), (2.0,), 0.25, "6.00 s left"),
        (RepeatPolicy(repeats=2), (2.0, 2.0), 1.0, ""),
        (RepeatPolicy(time_budget_s=60), (15.0,), 0.25, "at most 45.0 s left"),
        (RepeatPolicy(time_budget_s=60), (24.0,), 1 / 3, "at most 48.0 s left"),
        (RepeatPolicy(time_budget_s=60), (150.0,), 1 / 3, "at most 300.0 s left"),
        (RepeatPolicy(time_budget_s=60), (20.0, 21.0, 22.0), 1.0, ""),
    ],
)
def test_what_is_done_and_what_is_left(
    policy: RepeatPolicy, durations_s: tuple[float, ...], share: float, rest: str
) -> None:
    repeats = run(policy, *durations_s)

    assert repeats.share == pytest.approx(share)
    assert repeats.rest == rest


def test_a_log_of_a_thousand_repeats_stays_short() -> None:
    repeats = RepeatProgress(RepeatPolicy())
    lines = []
    for _ in range(1000):
        repeats.add(0.04)
        lines.append(repeats.is_worth_a_line())

    assert lines[:4] == [True, True, True, False]
    assert sum(lines) == 3 + 7


def test_a_log_of_slow_repeats_names_each() -> None:
    repeats = RepeatProgress(RepeatPolicy())
    for _ in range(5):
        repeats.add(140.0)
        assert repeats.is_worth_a_line()
