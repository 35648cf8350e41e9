"""How the requests of a rate arrive."""

import random
from enum import StrEnum
from itertools import accumulate


class Arrivals(StrEnum):
    """Arrival process of a request rate."""

    CONSTANT = "constant"
    """At equal intervals."""
    POISSON = "poisson"
    """At random, with exponentially distributed intervals."""


def arrival_times_s(count: int, rate_per_s: float, arrivals: Arrivals, seed: int) -> list[float]:
    """Return the arrival times of `count` requests, the first at 0; Poisson ones follow `seed`."""
    if arrivals is Arrivals.CONSTANT:
        return [number / rate_per_s for number in range(count)]
    generator = random.Random(seed)  # noqa: S311 - a process, no secret
    gaps = (generator.expovariate(rate_per_s) for _ in range(count - 1))
    return [0.0, *accumulate(gaps)]
