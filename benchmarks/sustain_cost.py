"""What a sustained measurement adds to a pass, and whether its supervisor's memory stays flat.

`python -m benchmarks.sustain_cost pass` alternates short measurements with and without
`--sustain` in one process: the passes and the time between them, products included. `memory`
starts `nobs run --sustain` and reads the memory of its processes every ten seconds.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from statistics import fmean, linear_regression, median

import psutil

from benchmarks.sustain import Products
from nobs.report.ratio import ratio_of_means
from nobs.runner.measure import repeat
from nobs.runner.pace import make_pace
from nobs.schema.pins import RepeatPolicy
from nobs.schema.result import Sample

MOST_ADDED = 0.005
EVERY_S = 10.0
SETTLED_S = 60.0
"""Memory of the first minute is that of starting."""
MIB = 2**20


def measure(policy: RepeatPolicy) -> tuple[float, float]:
    """Return the mean time of a pass, and the mean time from its end to the next one."""
    samples = repeat(Products(), policy, _ignore, make_pace(policy, dict, "cpu"))
    times = [sample.duration_s for sample in samples]
    gaps = [
        after.start_s - before.start_s - before.duration_s for before, after in pairwise(samples)
    ]
    return fmean(times), fmean(gaps)


def _ignore(_number: int, _sample: Sample) -> None:
    pass


def compare_passes(rounds: int, seconds: float) -> bool:
    """Print times of passes and of what lies between them; return whether the limit is kept.

    The time between passes is what is added for certain. The passes themselves differ by noise,
    which needs many rounds on an idle machine to fall below the limit.
    """
    plain = RepeatPolicy(time_budget_s=seconds, ci_rel_width=1e-9)
    found: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for number in range(2 * rounds):
        is_sustained = number % 4 in (1, 2)
        found[is_sustained].append(
            measure(RepeatPolicy(sustain_s=seconds) if is_sustained else plain)
        )
    passes, gaps = ([[each[part] for each in kind] for kind in found] for part in (0, 1))
    ratio = ratio_of_means(passes[1], passes[0], 0.95)
    added = (median(gaps[1]) - median(gaps[0])) / median(passes[0])
    print(f"a pass takes {median(passes[0]) * 1e3:.3f} ms; sustained, {ratio.value - 1:+.2%} "
          f"(95 % CI {ratio.low - 1:+.2%} to {ratio.high - 1:+.2%})")  # fmt: skip
    print(f"time between passes added by --sustain: {added:.3%} of a pass; limit {MOST_ADDED:.1%}")
    return added < MOST_ADDED


def watch_memory(length: str, rows: int) -> bool:
    """Print each process's memory over a run of `length`; return whether it stays flat.

    Those that measure are left out: they hold the model.
    """
    with tempfile.TemporaryDirectory() as results:
        command = [sys.executable, "-m", "nobs", "run", "--task", "embeddings", "--profile",
                   "quick", "--backend", "cpu", "--execution", "native", "--sustain", length,
                   "--rows", str(rows),
                   "--results", results]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        seen: dict[int, tuple[str, list[tuple[float, float]]]] = {}
        start = time.monotonic()
        while process.poll() is None:
            for pid, name, rss in _processes(process.pid):
                seen.setdefault(pid, (name, []))[1].append((time.monotonic() - start, rss / MIB))
            time.sleep(EVERY_S)
    settled = [(name, [p for p in points if p[0] > SETTLED_S]) for name, points in seen.values()]
    flat = process.returncode == 0
    for name, points in settled:
        if len(points) < 3:
            continue
        slope = linear_regression(*zip(*points, strict=True)).slope * 60
        role = " (measures)" if name.startswith("nobs.runner") else ""
        print(f"{name}{role}: {points[0][1]:.1f} to {points[-1][1]:.1f} MiB over "
              f"{points[-1][0] - points[0][0]:.0f} s, {slope:+.4f} MiB per minute")  # fmt: skip
        flat = flat and (bool(role) or points[-1][1] - points[0][1] < 1)
    print(f"exit code of the run: {process.returncode}")
    return flat


def _processes(root: int) -> Iterator[tuple[int, str, int]]:
    """Yield number, module and resident bytes of the run's processes."""
    try:
        for process in (parent := psutil.Process(root)), *parent.children(recursive=True):
            words = process.cmdline()
            name = words[words.index("-m") + 1] if "-m" in words else process.name()
            yield process.pid, f"{name} {process.pid}", process.memory_info().rss
    except psutil.NoSuchProcess:
        return


def main() -> None:
    """Measure; exit code 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("pass", "memory"))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--length", default="15m")
    parser.add_argument("--rows", type=int, default=20, help="Texts per pass.")
    options = parser.parse_args()
    if options.what == "pass":
        is_fine = compare_passes(options.rounds, options.seconds)
    else:
        is_fine = watch_memory(options.length, options.rows)
    sys.exit(0 if is_fine else 1)


if __name__ == "__main__":
    main()
