"""Is the load that `--slo` finds that of theory? Measures an M/D/1 queue whose truth is known."""

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat

from nobs.log import configure_json
from nobs.tasks.chat.load_report import LoadTable
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.promise import Promise
from tests.fakes.queueing import Md1, measure_queue

SERVICE_S = 0.01
QUEUE = Md1(service_s=SERVICE_S)
PROMISE = Promise(latency_s=6 * SERVICE_S)
FIRST_RATE = 20.0


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one run found, over what theory says."""

    knee: float
    estimate: float
    low: float
    high: float
    levels: int

    @property
    def covers(self) -> bool:
        """Whether theory is within the interval."""
        return self.low <= 1 <= self.high


def measure(seed: int, level_s: float) -> Found:
    """Search once; every seed has arrivals of its own."""
    configure_json(lambda event: None)
    params = LoadParams(rates_per_s=(FIRST_RATE,), slo=PROMISE, seed=1000 * seed)
    return ratios(measure_queue(SERVICE_S, params, level_s))


def ratios(table: LoadTable) -> Found:
    """Return the answer over theory; an end that was not found is 0 or infinite."""
    answer, bound = table.promise, QUEUE.bound_per_s(PROMISE.latency_s or 0, PROMISE.share)
    assert answer is not None
    return Found(
        knee=(answer.peak_requests_per_sec or 0.0) / QUEUE.knee_per_s,
        estimate=(answer.estimate or 0.0) / bound,
        low=(answer.holds_at or 0.0) / bound,
        high=(answer.fails_at or float("inf")) / bound,
        levels=len(table.levels),
    )


def lines(found: list[Found]) -> Iterator[str]:
    """Yield each run, then how many are as good as they should be."""
    yield f"{'run':>3}  {'knee':>6}  {'bound':>6}  {'holds at':>8}  {'fails at':>8}  levels"
    for number, run in enumerate(found, start=1):
        yield (
            f"{number:3}  {run.knee:6.3f}  {run.estimate:6.3f}  {run.low:8.3f}  {run.high:8.3f}"
            f"  {run.levels:6}"
        )
    near = sum(abs(run.knee - 1) <= 0.1 and abs(run.estimate - 1) <= 0.1 for run in found)
    yield f"knee and bound within 10 % of theory: {near} of {len(found)}"
    yield f"theory within the interval: {sum(run.covers for run in found)} of {len(found)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--runs", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=7, help="runs beside each other")
    parser.add_argument("--level-s", type=float, default=20.0, help="duration of a level")
    words = parser.parse_args()
    with ProcessPoolExecutor(words.at_once) as pool:
        found = [*pool.map(measure, range(words.runs), repeat(words.level_s))]
    bound = QUEUE.bound_per_s(PROMISE.latency_s or 0, PROMISE.share)
    print(f"theory: knee {QUEUE.knee_per_s:g} requests/s, bound {bound:.1f} requests/s; ratios:")
    print("\n".join(lines(found)))


if __name__ == "__main__":
    main()
