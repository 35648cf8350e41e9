"""`nobs run`, natively on the CPU."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.command import run_nobs
from tests.fakes.loader import hub_environment


@contextmanager
def one_core() -> Iterator[None]:
    """Keep children to one core: threads that wait for each other beside other tests cost minutes.

    Test processes beside each other take different ones. Does nothing where the system has no
    affinities.
    """
    if sys.platform != "linux":
        yield
        return
    usable = os.sched_getaffinity(0)
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    os.sched_setaffinity(0, {sorted(usable)[worker % len(usable)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, usable)


def nobs_run(
    tmp_path: Path, *options: str, hub: str = "http://127.0.0.1:9", timeout_s: float = 500
) -> subprocess.CompletedProcess[str]:
    """Run natively on the CPU with results and cache below `tmp_path`."""
    words = (
        "run", "--execution", "native", "--backend", "cpu", "--results", str(tmp_path / "results"),
        *options,
    )  # fmt: skip
    with one_core():
        return run_nobs(*words, env=hub_environment(hub, tmp_path / "hf"), timeout_s=timeout_s)
