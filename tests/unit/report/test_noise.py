"""What runs tell about machines: simulated, with the noise that was measured (decision 9)."""

import random
from math import exp, log

import pytest

from nobs.report.noise import (
    Noise,
    difference_found,
    is_odd,
    noise_of,
    ratio_of_machines,
    ratio_to_others,
    runs_needed,
    student,
)
from nobs.report.ratio import Finding

RUNS, REPEATS = 0.039, 0.040
"""Standard deviations on a virtual machine of two cores."""
QUIET = 0.01


def measure(
    rng: random.Random, speed: float, rounds: int, noise: float = RUNS
) -> list[list[float]]:
    """Return eight rates in each of `rounds` runs of a machine."""
    spread = REPEATS * noise / RUNS
    return [
        [speed * exp(of_run + rng.gauss(0, spread)) for _ in range(8)]
        for of_run in (rng.gauss(0, noise) for _ in range(rounds))
    ]


def named(rng: random.Random, slow: float, rounds: int, noise: float) -> set[int]:
    """Return which of five cards are odd; the first has the speed `slow`."""
    cards = [measure(rng, slow if n == 0 else 1.0, rounds, noise) for n in range(5)]
    shared = noise_of(cards)
    assert shared is not None
    found = {
        number: ratio_to_others(card, cards[:number] + cards[number + 1 :], shared,
                                lower_is_better=False)
        for number, card in enumerate(cards)
    }  # fmt: skip
    return {number for number, ratio in found.items() if is_odd(ratio)}


@pytest.mark.parametrize("rounds", [1, 5])
def test_two_reports_of_one_machine_do_not_differ(rounds: int) -> None:
    rng, same = random.Random(1), 0
    for _ in range(40):
        one, other = measure(rng, 1.0, rounds), measure(rng, 1.0, rounds)
        noise = noise_of([one, other])
        found = ratio_of_machines(one, other, (noise, noise), lower_is_better=False)
        same += found.finding is Finding.SAME

    assert same >= 38


@pytest.mark.parametrize(("noise", "rounds"), [(RUNS, 20), (QUIET, 3)])
def test_a_card_5_percent_slower_among_five_is_named(noise: float, rounds: int) -> None:
    rng = random.Random(2)
    found = [named(rng, 0.95, rounds, noise) for _ in range(40)]

    assert sum(0 in each for each in found) >= 38


@pytest.mark.parametrize(("lower_is_better", "slow"), [(False, 0.95), (True, 1.05)])
def test_a_slow_card_needs_less_evidence_than_a_fast_one(
    lower_is_better: bool, slow: float
) -> None:
    rng = random.Random(5)
    cards = [measure(rng, 1.0, 3, QUIET) for _ in range(5)]
    noise = noise_of(cards)
    assert noise is not None

    def lengths(speed: float) -> tuple[float, float]:
        own = [[speed * value for value in run] for run in cards[0]]
        found = ratio_to_others(own, cards[1:], noise, lower_is_better=lower_is_better)
        return log(found.value / found.low), log(found.high / found.value)

    towards_others = lengths(slow)[1 - lower_is_better]
    assert towards_others < lengths(slow)[lower_is_better]
    assert lengths(1 / slow) == pytest.approx(lengths(slow))


def test_equal_cards_are_seldom_named() -> None:
    rng = random.Random(3)

    assert sum(bool(named(rng, 1.0, 3, RUNS)) for _ in range(100)) <= 10


def test_runs_show_their_own_noise_and_repeats_only_stand_in_for_it() -> None:
    rng = random.Random(4)
    single = noise_of([measure(rng, 1.0, 1) for _ in range(5)])
    several = noise_of([measure(rng, 1.0, 50) for _ in range(2)])

    assert single is not None
    assert several is not None
    assert (single.is_measured, several.is_measured) == (False, True)
    assert several.free == 98
    assert several.deviation == pytest.approx(RUNS, rel=0.2)


def test_an_outlier_counts_as_far_off_as_outliers_begin() -> None:
    calm, strange = (
        [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01],
        [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 9.0],
    )
    noises = [noise_of([[run]] * 3) for run in (calm, strange, [*strange[:-1], 99.0])]
    deviations = [noise.deviation for noise in noises if noise]

    assert deviations[0] < deviations[1] < 0.05
    assert deviations[1] == pytest.approx(deviations[2])


def test_too_few_repeats_have_no_noise_and_no_finding() -> None:
    noise = noise_of([[[1.0, 1.1]], [[1.2]]])
    found = ratio_of_machines([[1.0, 1.1]], [[1.2]], (noise, noise), lower_is_better=False)

    assert noise is None
    assert found.finding is Finding.UNKNOWN


@pytest.mark.parametrize(
    ("free", "confidence", "quantile"),
    [(1, 0.95, 12.706), (2, 0.95, 4.303), (3, 0.95, 3.182), (4, 0.99, 4.604), (30, 0.99, 2.750)],
)
def test_quantiles_are_those_of_the_tables(free: int, confidence: float, quantile: float) -> None:
    assert student(free, confidence) == pytest.approx(quantile, abs=1e-3)


def test_more_runs_reach_less() -> None:
    noise = Noise(deviation=0.04, free=1000, is_measured=True)

    assert noise.reach(4) == pytest.approx(noise.reach(1) / 2)
    assert noise.reach(1) == pytest.approx(0.04 * 1.96, rel=0.01)


@pytest.mark.parametrize(
    ("deviation", "runs"), [(0.005, 1), (0.01, 1), (0.02, 5), (0.04, 15), (0.2, None)]
)
def test_the_noise_says_how_many_runs_show_a_slow_card(deviation: float, runs: int | None) -> None:
    noise = Noise(deviation=deviation, free=20, is_measured=True)

    assert runs_needed(noise, 5, 0.05) == runs
    assert runs is None or difference_found(noise, runs, 5) <= 0.06
