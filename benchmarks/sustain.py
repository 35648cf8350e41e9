"""Are planted slowdowns found by a shortened sustained measurement, and nothing where none is?

Alternates undisturbed rounds with rounds in which other processes start after half of the time.
Also measures what the products between the repeats cost.
"""

import argparse
import subprocess
import sys
from statistics import median

import torch

from nobs.report.sustained import find_sustained
from nobs.runner.measure import repeat
from nobs.runner.pace import make_pace
from nobs.schema.pins import RepeatPolicy
from nobs.schema.result import Sample
from nobs.schema.sustained import Sustained, Trend

SPIN = "import time; end = time.time() + {}\nwhile time.time() < end: pass"


class Products:
    """Work of about 20 ms: a matrix product of one thread."""

    def __init__(self) -> None:
        torch.set_num_threads(1)
        self._one = torch.randn(1024, 1024)

    def run(self) -> int:
        torch.mm(self._one, self._one)
        return 1

    def synchronize(self) -> None:
        """Nothing to wait for."""


def measure(seconds: float, disturbers: int) -> tuple[Sustained, list[Sample]]:
    """Return the figures of one round; `disturbers` processes take CPU in its second half."""
    policy = RepeatPolicy(sustain_s=seconds)
    started: list[subprocess.Popen[bytes]] = []

    def on_sample(_number: int, sample: Sample) -> None:
        if sample.start_s >= seconds / 2 and not started:
            command = [sys.executable, "-c", SPIN.format(seconds)]
            started.extend(subprocess.Popen(command) for _ in range(disturbers))

    try:
        samples = repeat(Products(), policy, on_sample, make_pace(policy, dict, "cpu"))
    finally:
        for process in started:
            process.kill()
            process.wait()
    found = find_sustained(samples, policy, None)
    assert found is not None
    return found, samples


def main() -> None:
    """Print every round, then how many were judged right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--disturbers", type=int, default=2)
    options = parser.parse_args()
    slower = calm = 0
    shares = []
    for number in range(options.rounds):
        undisturbed, samples = measure(options.seconds, 0)
        planted, _ = measure(options.seconds, options.disturbers)
        slower += planted.trend is Trend.SLOWER
        calm += undisturbed.trend is Trend.STEADY
        gaps = sum(s.start_s for s in samples[1:]) - sum(
            s.start_s + s.duration_s for s in samples[:-1]
        )
        shares.append(gaps / sum(sample.duration_s for sample in samples))
        print(
            f"{number + 1}: undisturbed: {undisturbed.trend}; planted: {planted.message}",
            flush=True,
        )
    print(f"planted slowdowns found: {slower} of {options.rounds}")
    print(f"undisturbed rounds without a trend: {calm} of {options.rounds}")
    print(f"time between repeats, products included: {median(shares):.3%} of the repeats")


if __name__ == "__main__":
    main()
