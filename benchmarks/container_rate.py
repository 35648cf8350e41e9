"""Rows/s in the launcher's container over rows/s natively, repeat by repeat in turn.

Both workers live at the same time, with the model loaded; one repeats while the other waits. So a
neighbour that slows the machine down slows both members of a pair, which whole runs one after the
other can't achieve. Two processes that do the same differ too, by where their memory happens to
lie, so both are started anew several times and the spread over the launches is what counts.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from statistics import median

from nobs.backends import BACKENDS
from nobs.catalog import load_catalog
from nobs.launch.container.life import run_container
from nobs.launch.container.plan import RUN_DIR_IN_CONTAINER, plan_container
from nobs.launch.engine.client import Engine, connect
from nobs.system.gpus import Accelerators
from nobs.tasks.parameters import typed

ROWS = 32


def work(directory: Path) -> None:
    """Repeat the quick profile's work whenever `go` says so; answer with seconds in `done`."""
    from nobs.data.models import open_model
    from nobs.data.texts import load_texts
    from nobs.runner.measure import repeat
    from nobs.schema.pins import RepeatPolicy
    from nobs.tasks.base import Work
    from nobs.tasks.text_embeddings.bench import EmbeddingsBench

    workload = typed(load_catalog().workload("embeddings", "quick"))
    bench = EmbeddingsBench(
        Work(
            model=workload.models[0],
            model_path=open_model(workload.models[0], offline=True).path,
            inputs=load_texts(workload.dataset, offline=True).rows[:ROWS],
            workload=workload,
            torch_device="cpu",
        )
    )
    bench.load()
    bench.warm_up()
    with (directory / "done").open("w") as done, (directory / "go").open() as go:
        done.write("ready\n")
        done.flush()
        for _ in go:
            sample = repeat(bench, RepeatPolicy(repeats=1), lambda _number, _sample: None)[0]
            done.write(f"{sample.duration_s!r}\n")
            done.flush()


class Worker:
    """The two ends of one worker's pipes."""

    def __init__(self, directory: Path, start: Callable[[Path], None]) -> None:
        directory.mkdir()
        for name in ("go", "done"):
            os.mkfifo(directory / name)
        self._thread = threading.Thread(target=start, args=(directory,))
        self._thread.start()
        self._done = (directory / "done").open()
        self._go = (directory / "go").open("w")
        self._done.readline()

    def measure(self) -> float:
        """Order one repeat and return its seconds."""
        self._go.write("go\n")
        self._go.flush()
        return float(self._done.readline())

    def stop(self) -> None:
        """Let the worker end."""
        self._go.close()
        self._thread.join()
        self._done.close()


def start_natively(directory: Path) -> None:
    command = [sys.executable, str(Path(__file__)), "--work", str(directory)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def start_in_container(engine: Engine, directory: Path) -> None:
    script = directory / "work.py"
    script.write_text(Path(__file__).read_text())
    plan = plan_container(
        run_id=f"bench-{os.getpid()}",
        run_dir=directory,
        image="nobs:cpu",
        engine=engine.info,
        needs=BACKENDS.load("cpu").container_needs(Accelerators()),
        environment={"PYTHONPATH": "/opt/nobs"},
        command=("python", f"{RUN_DIR_IN_CONTAINER}/work.py", "--work", RUN_DIR_IN_CONTAINER),
    )
    run_container(engine, plan, lambda _stream, _line: None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--launches", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.work)
        return
    ratios = []
    with connect() as engine:
        for number in range(arguments.launches):
            ratios.append(measure_launch(engine, arguments.pairs))
            print(f"launch {number + 1}: {ratios[-1]:.4f}", file=sys.stderr)
    low, high = interval(ratios)
    print(
        f"container / native rows/s, {len(ratios)} launches of {arguments.pairs} pairs of {ROWS} "
        f"rows: median {median(ratios):.4f}, 95 % interval {low:.4f} to {high:.4f}"
    )


def measure_launch(engine: Engine, pairs: int) -> float:
    """Return the median ratio of the pairs of two fresh processes."""
    with tempfile.TemporaryDirectory() as name:
        native = Worker(Path(name) / "native", start_natively)
        contained = Worker(
            Path(name) / "contained", lambda directory: start_in_container(engine, directory)
        )
        ratios = [measure_pair(native, contained, number) for number in range(pairs)]
        native.stop()
        contained.stop()
    return median(ratios)


def measure_pair(native: Worker, contained: Worker, number: int) -> float:
    """Return native seconds over contained seconds; every other pair begins with the other."""
    if number % 2:
        first = native.measure()
        return first / contained.measure()
    second = contained.measure()
    return native.measure() / second


def interval(values: list[float]) -> tuple[float, float]:
    """Return the bootstrapped 95 % interval of the median."""
    draw = random.Random(0)
    medians = sorted(median(draw.choices(values, k=len(values))) for _ in range(2000))
    return medians[50], medians[-51]


if __name__ == "__main__":
    main()
