import pytest

from nobs.tasks.score import calculate_score


def test_score_of_a_published_report_is_reproduced() -> None:
    # Two models, 2.83 s and 2.82 s: the sum of medians of the report in the design.
    assert calculate_score(2, 5.65) == pytest.approx(1274.336283)


def test_faster_is_higher_and_in_proportion() -> None:
    assert calculate_score(1, 2.0) == 2 * calculate_score(1, 4.0)


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_no_time_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        calculate_score(1, seconds)
