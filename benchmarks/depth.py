"""Does a second run of the depth matrix give the same cells? Makes several runs and compares them.

    python -m benchmarks.depth [--runs N] [--profile NAME] [--results FOLDER] [-- WORD...]

A cell of two successive runs agrees if the 95 % CI of the ratio of its medians holds 1, as in
`nobs compare`: that CI has the CIs of both medians and the variation between runs (decision 9).
A CI of a median knows only its own run, so those of two runs may be apart without a difference;
how many have a value in common is printed, too.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from nobs.report.ratio import ratio_of_medians
from nobs.report.reading import typed
from nobs.schema.report import Report
from nobs.stats import interval_of_repeats
from nobs.tasks.llms.depth import rates_at
from nobs.tasks.llms.report import LlmModelReport

type Cells = Mapping[str, Sequence[float]]
"""Rates of all repeats, by the name of the cell."""


def measure(profile: str, words: list[str], results: Path) -> Cells:
    """Run once in a process of its own, unless `results` has a report, and return its cells."""
    if not list(results.glob("report_*.json")):
        command = [
            sys.executable, "-m", "nobs", "run", "--profile", profile, "--execution", "native",
            "--results", str(results), "--yes", *words,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stderr)
    (file,) = results.glob("report_*.json")
    return cells_of(typed(Report.model_validate_json(file.read_bytes())))


def cells_of(report: Report) -> Cells:
    """Return the cells that have rates of several repeats."""
    (task,) = report.tasks
    (model,) = task.models.values()
    assert isinstance(model, LlmModelReport)
    assert model.depth is not None
    found: dict[str, list[float]] = {}
    for cell in model.depth.cells:
        rates = rates_at(cell.number, [run.prompts for run in model.all_runs])
        found |= {
            f"{kind} at {cell.depth}": values
            for kind, values in zip(("prefill", "decode"), rates, strict=True)
            if len(values) > 1
        }
    return found


def compare(before: Cells, after: Cells) -> Iterator[tuple[str, bool, bool]]:
    """Yield a line for each cell that both have, whether it agrees, and whether its CIs meet."""
    for name, values in before.items():
        if (others := after.get(name)) is None:
            continue
        ratio = ratio_of_medians(values, others, lower_is_better=False)
        one, two = interval_of_repeats(values), interval_of_repeats(others)
        agrees = ratio.low <= 1 <= ratio.high
        line = (
            f"{name:<16}{median(values):8.1f} ({one.low:.1f}-{one.high:.1f})"
            f"{median(others):10.1f} ({two.low:.1f}-{two.high:.1f})"
            f"{ratio.value:8.3f} ({ratio.low:.3f}-{ratio.high:.3f})"
            f"  {len(values)}, {len(others)} repeats{'' if agrees else ', differs'}"
        )
        yield line, agrees, one.low <= two.high and two.low <= one.high


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", "--runs", type=int, default=4)
    parser.add_argument("--profile", default="depth-quick")
    parser.add_argument("--results", type=Path, help="keep the runs here, and use those it has")
    parser.add_argument("words", nargs="*", help="further words of `nobs run`, after --")
    asked = parser.parse_args()
    with nullcontext(asked.results) if asked.results else TemporaryDirectory() as folder:
        runs = [
            measure(asked.profile, asked.words, Path(folder) / str(number))
            for number in range(1, asked.runs + 1)
        ]
    found = [each for before, after in pairwise(runs) for each in compare(before, after)]
    print("\n".join(line for line, _, _ in found))
    print(f"cells that agree: {sum(agrees for _, agrees, _ in found)} of {len(found)}")
    print(f"cells whose CIs meet: {sum(meets for _, _, meets in found)} of {len(found)}")


if __name__ == "__main__":
    main()
