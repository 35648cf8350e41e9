import pytest

from nobs.tasks.chat.client.accuracy import timing_error

MS = 1_000_000


def test_errors_are_the_clients_times_less_the_servers() -> None:
    seen = (0, [53 * MS, 58 * MS, 74 * MS])
    sent = [1 * MS, 51 * MS, 57 * MS, 71 * MS]

    error = timing_error([(seen, sent)])

    assert (error.requests, error.tokens) == (1, 3)
    assert error.ttft_error_s == pytest.approx(0.053 - 0.050)
    assert error.itl_error == pytest.approx(21 / 20 - 1)
    assert error.delay_p99_s == pytest.approx(0.002)


def test_errors_are_means_over_the_requests() -> None:
    exact = ((0, [50 * MS, 60 * MS]), [0, 50 * MS, 60 * MS])
    late = ((0, [54 * MS, 65 * MS]), [0, 50 * MS, 60 * MS])

    error = timing_error([exact, late])

    assert error.ttft_error_s == pytest.approx(0.002)
    assert error.itl_error == pytest.approx(0.05)


def test_a_missing_token_is_no_error_of_time() -> None:
    with pytest.raises(ValueError, match="longer"):
        timing_error([((0, [1, 2]), [0, 1, 2, 3])])
