"""When a load level ends early; all times are simulated."""

from heapq import merge

import pytest

from nobs.tasks.chat.guard import OVER_SATURATED, STOPPED, LoadGuard
from tests.fakes.queueing import Md1

QUEUE = Md1(service_s=0.01)


def watched(
    arrivals_s: list[float], latencies_s: list[float], settle_s: float = 0.0
) -> tuple[str, int]:
    """Return the verdict on an open loop and after how many requests it was reached."""
    guard = LoadGuard(is_open=True, settle_s=settle_s)
    ends = sorted(at + took for at, took in zip(arrivals_s, latencies_s, strict=True))
    started = 0
    for at_s, is_start in merge(((a, True) for a in arrivals_s), ((e, False) for e in ends)):
        if is_start:
            guard.started(int(at_s * 1e9))
            started += 1
        else:
            guard.ended(int(at_s * 1e9), is_answered=True)
        if guard.verdict:
            break
    return guard.verdict, started


@pytest.mark.parametrize("load", [1.3, 2.0, 8.0])
def test_a_queue_that_grows_all_the_time_ends_the_level(load: float) -> None:
    arrivals_s = QUEUE.poisson_s(load / QUEUE.service_s, 2000, seed=1)

    verdict, started = watched(arrivals_s, QUEUE.latencies_s(arrivals_s))

    assert verdict == OVER_SATURATED
    assert started <= 800


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("load", [0.5, 0.8, 0.9])
def test_a_queue_that_is_only_long_at_times_does_not(load: float, seed: int) -> None:
    arrivals_s = QUEUE.poisson_s(load / QUEUE.service_s, 2000, seed)

    assert watched(arrivals_s, QUEUE.latencies_s(arrivals_s)) == ("", 2000)


def test_requests_that_pile_up_behind_the_first_long_answers_are_no_queue() -> None:
    arrivals_s = QUEUE.poisson_s(100.0, 2000, seed=1)
    long_s = [2.0 + (number % 7) for number in range(2000)]

    assert watched(arrivals_s, long_s, settle_s=24.0)[0] == ""


def test_nothing_is_judged_before_it_has_settled() -> None:
    arrivals_s = QUEUE.poisson_s(200.0, 400, seed=1)
    latencies_s = QUEUE.latencies_s(arrivals_s)

    assert watched(arrivals_s, latencies_s, settle_s=arrivals_s[-1] + 1)[0] == ""


def test_a_server_that_stopped_answering_ends_the_level() -> None:
    guard = LoadGuard(is_open=False)
    for number in range(30):
        guard.started(number)
        guard.ended(number, is_answered=number < 20)
        assert guard.verdict == (STOPPED if number == 29 else "")


def test_requests_refused_beside_running_ones_do_not_end_it() -> None:
    guard = LoadGuard(is_open=False)
    for number in range(64):
        guard.started(number)
    for number in range(30):
        guard.ended(100 + number, is_answered=False)

    assert guard.verdict == ""
