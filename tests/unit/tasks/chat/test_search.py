"""The search for the highest load with a promise, over functions instead of servers."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from nobs.tasks.chat.kept import FAILS, HOLDS
from nobs.tasks.chat.search import Axis, Ended, Seen, next_load

type See = Callable[[float], Seen]


def server(bound: float, *, knee: float = 1e9, dead_from: float = 1e9) -> See:
    """A server that keeps the promise up to `bound` and saturates at `knee`."""

    def see(load: float) -> Seen:
        return Seen(
            load=load, is_kept=load <= bound, throughput=min(load, knee), in_flight=load,
            verdict=HOLDS if load <= bound else FAILS, is_dead=load >= dead_from,
        )  # fmt: skip

    return see


def searched(see: See, axis: Axis, *first: float) -> tuple[list[float], Ended]:
    seen = [see(load) for load in first]
    while not isinstance(step := next_load(seen, axis), Ended):
        assert len(seen) < 40, "the search doesn't end"
        seen.append(see(step))
    return [level.load for level in seen], step


@pytest.mark.parametrize("bound", [*range(1, 30), 100, 255])
def test_concurrency_is_doubled_then_bisected(bound: int) -> None:
    loads, ended = searched(server(bound), Axis.CONCURRENCY)
    held = max(load for load in loads if load <= bound)
    failed = min(load for load in loads if load > bound)

    assert ended is Ended.FOUND
    assert failed - held <= max(1, 0.1 * held)
    assert loads[0] == 1
    assert len(loads) == len(set(loads)) <= 20


@pytest.mark.parametrize("bound", [0.2, 0.4, 0.99, 1.01, 3.0, 77.0, 480.0])
def test_rates_are_bisected_to_a_tenth(bound: float) -> None:
    loads, ended = searched(server(bound, knee=2 * bound), Axis.RATE, 1.0)
    held = max(load for load in loads if load <= bound)
    failed = min(load for load in loads if load > bound)

    assert ended is Ended.FOUND
    assert failed / held <= 1.1


def test_levels_that_were_asked_for_are_not_measured_again() -> None:
    loads, _ = searched(server(12, knee=20), Axis.CONCURRENCY, 1, 4, 16)

    assert loads == [1, 4, 16, 32, 64, 10, 13, 11, 12]


def test_the_sweep_goes_on_until_the_throughput_stops_growing() -> None:
    loads, _ = searched(server(2, knee=60), Axis.CONCURRENCY)

    assert loads[:8] == [1, 2, 4, 8, 16, 32, 64, 128]


def test_a_promise_that_never_fails_ends_at_the_highest_concurrency() -> None:
    loads, ended = searched(server(1e9, knee=8), Axis.CONCURRENCY)

    assert (loads[-1], ended) == (1024, Ended.NEVER_FAILS)


def test_a_promise_that_a_single_request_breaks_ends_at_one() -> None:
    loads, ended = searched(server(0, knee=4), Axis.CONCURRENCY)

    assert (loads, ended) == ([1, 2, 4, 8], Ended.NEVER_HOLDS)


def test_a_promise_that_requests_without_a_queue_break_ends_at_a_low_rate() -> None:
    loads, ended = searched(server(0, knee=1), Axis.RATE, 4.0)

    assert ended is Ended.NEVER_HOLDS
    assert min(loads) >= 0.05


def test_a_server_that_stops_answering_ends_the_search() -> None:
    loads, ended = searched(server(1e9, dead_from=16), Axis.CONCURRENCY)

    assert (loads, ended) == ([1, 2, 4, 8, 16], Ended.STOPPED)


def test_a_rate_that_could_not_be_sent_says_nothing_about_the_server() -> None:
    def see(load: float) -> Seen:
        return Seen(load=load, is_kept=load < 50, throughput=load, is_sent=load < 50)

    assert searched(see, Axis.RATE, 10.0) == ([10, 20, 40, 80, 80, 80], Ended.SENDER)


def test_a_level_that_only_the_client_disturbed_is_measured_again() -> None:
    disturbed = iter([False, True, False, False, *[True] * 20])
    plain = server(77, knee=100)

    def see(load: float) -> Seen:
        return replace(plain(load), is_sent=next(disturbed))

    loads, ended = searched(see, Axis.RATE, 40.0)

    assert (loads[:5], ended) == ([40, 40, 80, 80, 80], Ended.FOUND)


def test_levels_at_which_the_client_is_always_the_limit_end_the_search() -> None:
    def see(load: float) -> Seen:
        return Seen(load=load, is_kept=load < 50, throughput=1, is_sent=load in (40, 80))

    loads, ended = searched(see, Axis.RATE, 40.0)

    assert (loads[:2], len(loads), ended) == ([40, 80], 5, Ended.SENDER)


def test_one_more_level_is_measured_on_each_side_that_is_not_certain() -> None:
    def see(load: float) -> Seen:
        far = HOLDS if load < 85 else FAILS if load > 118 else ""
        return Seen(load=load, is_kept=load <= 100, throughput=min(load, 105), verdict=far)

    loads, ended = searched(see, Axis.RATE, 98.0, 105.0, 200.0)

    assert (loads[3:], ended) == ([98 / 1.2, 105 * 1.2], Ended.FOUND)
