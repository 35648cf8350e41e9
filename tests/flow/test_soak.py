"""Three runs of the quick profile in one process; tests/soak/runs.py does fifty."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.command import environment
from tests.fakes.native_run import one_core

pytestmark = pytest.mark.long

RUNS = 3


def test_nothing_grows_from_run_to_run(tmp_path: Path) -> None:
    with one_core():
        done = subprocess.run(
            [sys.executable, "-m", "tests.soak.runs", "--runs", str(RUNS)],
            cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=500,
            check=False,
        )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert f"{RUNS}/{RUNS}:" in done.stdout
