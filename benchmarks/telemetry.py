"""What sampling costs: the same work with and without the sampler, in turn.

Two kinds of work: encoding with the quick profile's model, and a loop that never lets go of
Python's lock, which is the worst case for a thread beside it.
"""

import argparse
import contextlib
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from nobs.catalog import load_catalog
from nobs.data.models import open_model
from nobs.data.texts import load_texts
from nobs.runner.environment import device_target, torch_device
from nobs.schema.enums import Backend
from nobs.system.accelerators import detect_backend, find_accelerators
from nobs.system.telemetry import find_readers
from nobs.system.telemetry.reader import Reader
from nobs.system.telemetry.sampler import Sampler
from nobs.tasks.base import Work
from nobs.tasks.parameters import typed

Task = Callable[[], object]


def encoding(backend: Backend, rows: int) -> Task:
    """Load the quick profile's model; return the encoding of some rows."""
    from nobs.tasks.text_embeddings.bench import EmbeddingsBench

    workload = typed(load_catalog().workload("embeddings", "quick"))
    model = workload.models[0]
    texts = load_texts(workload.dataset, offline=True).rows[:rows]
    path = open_model(model, offline=True).path
    bench = EmbeddingsBench(
        Work(model=model, model_path=path, inputs=texts, workload=workload,
             torch_device=torch_device(backend))
    )  # fmt: skip
    bench.load()
    bench.warm_up()

    def run() -> None:
        bench.run()
        bench.synchronize()

    return run


def counting(number: int = 20_000_000) -> None:
    """Hold Python's lock for a second or so."""
    for _ in range(number):
        pass


@dataclass(frozen=True)
class Cost:
    """Seconds of a task, CPU seconds of the process, and those of the sampler's thread."""

    time_s: float
    cpu_s: float
    sampler_cpu_s: float = 0.0


def measure(task: Task, readers: list[Reader], *, sampled: bool) -> Cost:
    """Do the task, with the sampler beside it or without."""
    with Sampler(readers) if sampled else contextlib.nullcontext():
        start, cpu = time.perf_counter(), time.process_time()
        task()
        return Cost(
            time.perf_counter() - start,
            time.process_time() - cpu,
            sampler_cpu_s() if sampled else 0.0,
        )


def sampler_cpu_s() -> float:
    """Return the CPU seconds that the kernel counts for the sampler's thread (Linux)."""
    thread = next(thread for thread in threading.enumerate() if thread.name == "telemetry")
    schedstat = Path(f"/proc/self/task/{thread.native_id}/schedstat")
    return int(schedstat.read_text().split()[0]) / 1e9 if schedstat.exists() else 0.0


def compare(name: str, task: Task, readers: list[Reader], rounds: int) -> None:
    """Print how much more the task takes with the sampler, pair by pair in turn.

    On a machine that does something else meanwhile the thread's own CPU time says most.
    """
    pairs = []
    for number in range(rounds):
        order = (True, False) if number % 2 else (False, True)
        seen = {sampled: measure(task, readers, sampled=sampled) for sampled in order}
        pairs.append((seen[True], seen[False]))
        print(f"{name} {number}: {seen[True].time_s:.3f} s sampled, {seen[False].time_s:.3f} s not",
              file=sys.stderr)  # fmt: skip
    times = median(on.time_s / off.time_s for on, off in pairs) - 1
    cpu = median(on.cpu_s / off.cpu_s for on, off in pairs) - 1
    own = sum(on.sampler_cpu_s for on, _ in pairs) / sum(on.time_s for on, _ in pairs)
    print(
        f"{name}: time {times:+.2%}, CPU time {cpu:+.2%} (medians of {rounds} pairs); "
        f"the sampler's thread used {own:.3%} of one core"
    )


def sample_cost(readers: list[Reader], number: int = 200) -> None:
    """Print the time and the CPU time of one sample of everything."""
    sampler = Sampler(readers)
    wall, cpu = time.perf_counter(), time.thread_time()
    for _ in range(number):
        for track in sampler.tracks:
            track.sample()
    wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
    share = cpu / number / sampler.interval_s
    print(
        f"one sample: {wall / number * 1e6:.0f} us, {cpu / number * 1e6:.0f} us of CPU, "
        f"{share:.2%} of one core at {1 / sampler.interval_s:.0f} a second"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--rounds", type=int, default=15)
    parser.add_argument("--rows", type=int, default=16)
    arguments = parser.parse_args()
    backend = detect_backend(find_accelerators())
    task = encoding(backend, arguments.rows)
    readers = find_readers(device_target(backend))
    print(f"{backend}: " + ", ".join(f"{r.name} ({', '.join(r.channels)})" for r in readers))
    sample_cost(readers)
    compare("encoding", task, readers, arguments.rounds)
    compare("holding Python's lock", counting, readers, arguments.rounds)


if __name__ == "__main__":
    main()
