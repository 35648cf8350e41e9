"""Three container runs of the quick profile in one process; tests/soak/runs.py does fifty."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.forked import REPO

pytestmark = pytest.mark.long

RUNS = 3


def test_nothing_grows_from_run_to_run(engine: str, cpu_image: str, tmp_path: Path) -> None:
    words = ("--runs", str(RUNS), "--execution", "container")
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.runs", *words], cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPO), "DOCKER_HOST": engine},
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert f"{RUNS}/{RUNS}:" in done.stdout
