"""What reading reports costs: comparing two, and one HTML page of many copies of the first.

`python -m benchmarks.reports REPORT OTHER`, after two runs.
"""

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.startup import cost
from nobs.storage.files import digest_of


def write_copies(report: Path, results: Path, count: int) -> None:
    """Write `count` reports of as many machines, which all measured the same."""
    document = json.loads(report.read_bytes())
    for number in range(count):
        document["device_info"]["host"] = f"machine {number}"
        document["run"]["id"] = f"run-{number}"
        document["digest"] = digest_of(document)
        (results / f"report_machine-{number}.json").write_text(json.dumps(document))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("-n", "--rounds", type=int, default=5)
    parser.add_argument("--copies", type=int, nargs="+", default=[50, 1000])
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        commands = {"compare two": ["compare", str(words.report), str(words.other)]}
        for count in words.copies:
            results, page = Path(directory) / str(count), Path(directory) / f"{count}.html"
            results.mkdir()
            write_copies(words.report, results, count)
            commands[f"page of {count}"] = [
                "report", "--results", str(results), "--format", "html", "-o", str(page),
            ]  # fmt: skip
        for name, arguments in commands.items():
            seen = [cost(["-m", "nobs", *arguments]) for _ in range(words.rounds)]
            cpu_s, memory = (median(values) for values in zip(*seen, strict=True))
            print(f"{name:16} {cpu_s:6.2f} s CPU {memory:6.0f} MiB  (median of {words.rounds})")
        for count in words.copies:
            size = (Path(directory) / f"{count}.html").stat().st_size
            print(f"page of {count:<8} {size / 1e6:6.2f} MB")


if __name__ == "__main__":
    main()
