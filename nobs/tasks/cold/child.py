"""The process of one cold start: loads, computes and prints when it had done what."""

import time

PYTHON_RUNS_S = time.perf_counter()

import json  # noqa: E402 - the clock is read first
import os  # noqa: E402
import sys  # noqa: E402
from itertools import pairwise  # noqa: E402
from pathlib import Path  # noqa: E402
from statistics import median  # noqa: E402
from typing import Any, Protocol  # noqa: E402

from nobs.registry import resolve  # noqa: E402
from nobs.schema.pins import ModelPin, Workload  # noqa: E402
from nobs.system.peak import life_peak_rss_bytes  # noqa: E402
from nobs.tasks.base import Work  # noqa: E402
from nobs.tasks.parameters import typed  # noqa: E402


class ColdWork(Protocol):
    """What the process of a task does; its module imports the heavy libraries."""

    def load(self) -> None:
        """Load the model and bring it to the device, synchronised."""

    def compute(self) -> None:
        """Compute one result, synchronised."""

    def facts(self) -> dict[str, Any]:
        """Return what was read back from model and output, as JSON values."""


def main() -> None:
    """Read the order on the standard input; print stamps and facts as JSON."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    order = json.load(sys.stdin)
    kind = resolve(order["target"])
    workload = typed(Workload.model_validate(order["workload"]))
    imported_s = time.perf_counter()
    work: ColdWork = kind(
        Work(
            model=ModelPin.model_validate(order["model"]), model_path=Path(order["path"]),
            inputs=tuple(order["inputs"]), workload=workload, torch_device=order["device"],
            directory=Path(order["directory"]),
        )
    )  # fmt: skip
    work.load()
    stamps = [time.perf_counter()]
    for _ in range(1 + order["warm_passes"]):
        work.compute()
        stamps.append(time.perf_counter())
    loaded_s, first_s, *_ = stamps
    found = {
        "python_runs_s": PYTHON_RUNS_S,
        "imported_s": imported_s,
        "loaded_s": loaded_s,
        "first_s": first_s,
        "steady_pass_s": median(end - start for start, end in pairwise(stamps[1:])),
        "peak_rss_bytes": life_peak_rss_bytes(),
        "facts": work.facts(),
    }
    answers.write(json.dumps(found))
    answers.flush()


if __name__ == "__main__":
    main()
