"""How often `nobs rank` names a slow card among five, and one machine's two reports as different.

    python benchmarks/ranking.py [CASES]

Simulated: runs of a machine differ by one standard deviation, the repeats of a run by another one
(both lognormal). On a virtual machine of two cores they were 3.9 % and 4.0 % (decision 9).
"""

import random
import sys
from math import exp, log1p

from nobs.report.noise import is_odd, noise_of, ratio_of_machines, ratio_to_others
from nobs.report.ratio import Finding

CARDS = 5
REPEATS = 8


def measure(
    rng: random.Random, speed: float, rounds: int, runs: float, repeats: float
) -> list[list[float]]:
    """Return the rates of each repeat of each run."""
    return [
        [exp(log1p(speed - 1) + of_run + rng.gauss(0, repeats)) for _ in range(REPEATS)]
        for of_run in (rng.gauss(0, runs) for _ in range(rounds))
    ]


def odd_ones(rng: random.Random, slow: float, rounds: int, runs: float, repeats: float) -> set[int]:
    """Return which of five cards are named; the first has the speed `slow`."""
    cards = [
        measure(rng, slow if number == 0 else 1.0, rounds, runs, repeats) for number in range(CARDS)
    ]
    noise = noise_of(cards)
    if noise is None:
        raise RuntimeError("there are enough repeats")
    found = {
        number: ratio_to_others(card, cards[:number] + cards[number + 1 :], noise,
                                lower_is_better=False)
        for number, card in enumerate(cards)
    }  # fmt: skip
    return {number for number, ratio in found.items() if is_odd(ratio)}


def is_one_group(rng: random.Random, rounds: int, runs: float, repeats: float) -> bool:
    """Return whether two reports, or sets of them, of one machine are called the same."""
    one, other = (measure(rng, 1.0, rounds, runs, repeats) for _ in range(2))
    noise = noise_of([one, other])
    return ratio_of_machines(one, other, (noise, noise), lower_is_better=False).finding in (
        Finding.SAME, Finding.UNKNOWN,
    )  # fmt: skip


def main(cases: int) -> None:
    """Print the shares of all cases."""
    print(f"{cases} cases each, {CARDS} cards, {REPEATS} repeats per run, one card 5 % slower")
    print("noise of runs, repeats | rounds | slow card named | any of equal ones | one group")
    for runs, repeats in ((0.039, 0.040), (0.02, 0.02), (0.01, 0.01), (0.005, 0.005)):
        for rounds in (1, 2, 3, 5, 10, 15, 20):
            rng = random.Random(f"{runs} {rounds}")
            named = [odd_ones(rng, 0.95, rounds, runs, repeats) for _ in range(cases)]
            equal = [odd_ones(rng, 1.0, rounds, runs, repeats) for _ in range(cases)]
            alike = [is_one_group(rng, rounds, runs, repeats) for _ in range(cases)]
            shares = (
                sum(0 in each for each in named), sum(map(bool, equal)), sum(alike)
            )  # fmt: skip
            print(f"{runs:8.1%}, {repeats:.1%}         | {rounds:6} | "
                  + " | ".join(f"{share / cases:6.1%}" for share in shares))  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
