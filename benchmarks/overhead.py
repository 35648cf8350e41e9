"""A containerised CPU run against the native one: same texts, same model, in turn."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

PHASES = ("import_s", "data_s", "load_s", "warmup_s", "measure_s", "baseline_s", "calibrate_s",
          "profile_s", "device_check_s", "overhead_s")  # fmt: skip
MEASURING = ("import_s", "load_s", "warmup_s", "measure_s", "baseline_s", "calibrate_s",
             "profile_s")  # fmt: skip
"""What is measured and what has to come before it; all else is NOBS's own work."""


def run(execution: str, results: Path, options: list[str]) -> dict[str, float]:
    """Make one run and return its figures; `outside_s` is everything but import, load,
    warm-up and what is measured, seen from outside the whole process."""
    start = time.time()
    subprocess.run(
        [sys.executable, "-m", "nobs", "run", "--profile", "quick", "--task", "embeddings,llms",
         "--backend", "cpu", "--execution", execution, "--results", str(results),
         "--yes", *options],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wall_s = time.time() - start
    run_dir = max((results / "runs").iterdir())
    model = read_model(run_dir)
    phases = model["phases"]
    known = sum(phases[name] for name in MEASURING)
    return {
        **{name: phases[name] for name in PHASES},
        "rows_per_s": model["final_median_rows_per_second"],
        "fastest_rows_per_s": max(run["rows_per_second"] for run in model["all_runs"]),
        "to_first_warmup_s": first_warmup(run_dir) - start,
        "wall_s": wall_s,
        "outside_s": wall_s - known,
        "peak_rss_mib": model["memory"]["peak_rss_bytes"] / 2**20,
    }


def read_model(run_dir: Path) -> dict[str, Any]:
    report = json.loads((run_dir / "report.json").read_text())
    models: dict[str, dict[str, Any]] = report["tasks"][0]["models"]
    return next(iter(models.values()))


def first_warmup(run_dir: Path) -> float:
    """Return when the first warm-up began, in seconds of the epoch."""
    for line in (run_dir / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "phase.started" and event["phase"] == "warmup":
            return datetime.fromisoformat(event["timestamp"]).timestamp()
    raise ValueError(f"no warm-up in {run_dir}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--native-only", action="store_true")
    arguments = parser.parse_args()
    executions = ["native"] if arguments.native_only else ["native", "container"]
    options = ["--repeats", str(arguments.repeats)]
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in executions}
    with tempfile.TemporaryDirectory() as directory:
        for number in range(arguments.rounds + 1):
            for name in executions if number % 2 else executions[::-1]:
                seen = run(name, Path(directory) / name, options)
                if number:
                    figures[name].append(seen)
                print(f"round {number} {name}: {seen['rows_per_s']:.2f} rows/s", file=sys.stderr)
    print(f"{'median of ' + str(arguments.rounds):20}" + "".join(f"{n:>12}" for n in executions))
    for key in figures["native"][0]:
        cells = [median(seen[key] for seen in figures[name]) for name in executions]
        print(f"{key:20}" + "".join(f"{cell:12.3f}" for cell in cells))
    if len(executions) == 2:
        for key in ("rows_per_s", "fastest_rows_per_s"):
            print_ratio(key, figures["container"], figures["native"])


def print_ratio(key: str, above: list[dict[str, float]], below: list[dict[str, float]]) -> None:
    """Print the ratio round by round; other work on the machine moves the fastest repeat least."""
    ratios = sorted(a[key] / b[key] for a, b in zip(above, below, strict=True))
    best = max(a[key] for a in above) / max(b[key] for b in below)
    print(
        f"container / native {key}: median {median(ratios):.4f}, "
        f"{ratios[0]:.4f} to {ratios[-1]:.4f}; best of all {best:.4f}"
    )


if __name__ == "__main__":
    main()
