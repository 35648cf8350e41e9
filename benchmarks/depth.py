"""Does a second run of the depth matrix give the same cells? Makes several runs and compares them.

A cell agrees if the 95 % CIs of two successive runs have a value in common.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

KINDS = ("prefill", "decode")
type Cells = Mapping[str, tuple[float, float, float]]
"""Value, lower and upper end of the CI, by name."""


def measure(profile: str, words: list[str]) -> Cells:
    """Run once in a process of its own and return the cells of its report."""
    with TemporaryDirectory() as directory:
        command = [
            sys.executable, "-m", "nobs", "run", "--profile", profile, "--execution", "native",
            "--results", directory, "--yes", *words,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
        (file,) = Path(directory).glob("report_*.json")
        return dict(cells_of(json.loads(file.read_bytes())))


def cells_of(report: Mapping[str, Any]) -> Iterator[tuple[str, tuple[float, float, float]]]:
    """Yield each cell of a report that has an interval."""
    (task,) = report["tasks"]
    (model,) = task["models"].values()
    for cell in model["depth"]["cells"]:
        for kind in KINDS:
            value, interval = cell[f"{kind}_tokens_per_sec"], cell[f"{kind}_interval"]
            if value is not None and interval is not None:
                yield f"{kind} at {cell['depth']}", (value, interval["low"], interval["high"])


def compare(before: Cells, after: Cells) -> Iterator[tuple[str, bool]]:
    """Yield a line for each cell that both have, and whether they agree."""
    for name, (value, low, high) in before.items():
        if name in after:
            other, other_low, other_high = after[name]
            agrees = low <= other_high and other_low <= high
            yield (
                f"{name:<16}{value:8.1f} ({low:.1f}-{high:.1f})"
                f"{other:10.1f} ({other_low:.1f}-{other_high:.1f})"
                f"{other / value:8.3f}  {'' if agrees else 'differs'}".rstrip(),
                agrees,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--runs", type=int, default=4)
    parser.add_argument("--profile", default="depth-quick")
    parser.add_argument("words", nargs="*", help="further words of `nobs run`, after --")
    asked = parser.parse_args()
    runs = [measure(asked.profile, asked.words) for _ in range(asked.runs)]
    found: list[bool] = []
    for before, after in pairwise(runs):
        for line, agrees in compare(before, after):
            print(line)
            found.append(agrees)
    print(f"cells that agree: {sum(found)} of {len(found)}")


if __name__ == "__main__":
    main()
