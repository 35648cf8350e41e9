"""A step forked after the imports against one in a process of its own: same speed, less waiting."""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from nobs.storage.rundir import RunDir


def prepare(root: Path) -> RunDir:
    """Make one quick run whose order is used again and again."""
    subprocess.run(
        [sys.executable, "-m", "nobs", "run", "--profile", "quick", "--task", "embeddings,llms",
         "--execution", "native", "--backend", "cpu", "--repeats", "5",
         "--results", str(root), "--yes"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return RunDir(next((root / "runs").iterdir()))


def measure(run_dir: RunDir, step: str, *, forked: bool) -> tuple[float, float]:
    """Run the step anew; return its median repeat and the whole time, both in seconds."""
    run_dir.result_file(step).unlink()
    command = [sys.executable, "-m", "nobs.supervisor" if forked else "nobs.runner"]
    arguments = [str(run_dir.path)] if forked else [str(run_dir.path), step]
    start = time.perf_counter()
    subprocess.run(
        [*command, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wall_s = time.perf_counter() - start
    result = run_dir.find_result(step)
    if result is None:
        raise ValueError("the step left no result")
    return median(sample.duration_s for sample in result.samples), wall_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as directory:
        run_dir = prepare(Path(directory))
        step = run_dir.read_spec().steps[0].id
        pairs = [
            (measure(run_dir, step, forked=True), measure(run_dir, step, forked=False))
            for _ in range(rounds)
        ]
    ratios = sorted(forked[0] / alone[0] for forked, alone in pairs)
    print(f"forked / alone, median repeat: median {median(ratios):.4f}, "
          f"{ratios[0]:.4f} to {ratios[-1]:.4f}")  # fmt: skip
    print(f"forked {median(f[1] for f, _ in pairs):.2f} s, alone "
          f"{median(a[1] for _, a in pairs):.2f} s for the whole process")  # fmt: skip


if __name__ == "__main__":
    main()
