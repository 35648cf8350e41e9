from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobs.system.telemetry.series import clip, integral, slopes, value_at

RAMP = [(0.0, 0.0), (1.0, 10.0), (4.0, 40.0)]
moments = st.floats(0, 100)
numbers = st.floats(-1e6, 1e6)
lines = st.lists(st.tuples(moments, numbers), min_size=1, unique_by=lambda pair: pair[0]).map(
    sorted
)


def test_a_part_has_interpolated_ends() -> None:
    assert clip(RAMP, 0.5, 2.0) == [(0.5, 5.0), (1.0, 10.0), (2.0, 20.0)]


def test_a_part_between_two_samples_has_only_ends() -> None:
    assert clip(RAMP, 2.0, 3.0) == [(2.0, 20.0), (3.0, 30.0)]


@pytest.mark.parametrize(("time", "value"), [(-1.0, 0.0), (9.0, 40.0), (4.0, 40.0), (0.0, 0.0)])
def test_outside_the_nearest_value_holds(time: float, value: float) -> None:
    assert value_at(RAMP, time) == value


def test_nothing_has_no_part() -> None:
    assert clip([], 0.0, 1.0) == []


def test_the_area_below_a_ramp_is_a_triangle() -> None:
    assert integral(RAMP) == 80.0


def test_growth_of_a_counter_is_its_pace() -> None:
    assert slopes([(0.0, 100.0), (2.0, 700.0), (2.0, 700.0), (3.0, 1000.0)]) == [
        (2.0, 300.0),
        (3.0, 300.0),
    ]


@given(lines, moments, moments)
def test_a_part_stays_within_its_bounds(
    series: list[tuple[float, float]], one: float, other: float
) -> None:
    start, end = sorted((one, other))
    part = clip(series, start, end)

    assert (part[0][0], part[-1][0]) == (start, end)
    assert all(a <= b for (a, _), (b, _) in pairwise(part))
    assert min(v for _, v in series) - 1e-6 <= min(v for _, v in part)
    assert max(v for _, v in part) <= max(v for _, v in series) + 1e-6
