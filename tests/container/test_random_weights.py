"""Full size without downloads in the launcher's container, which has no network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.full_size import FULL_SIZE, check_full_size


@pytest.mark.long
@pytest.mark.timeout(2100)
def test_the_standard_workload_runs_at_full_size(
    engine: str, cpu_image: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nobs", "run", "--execution", "container", "--backend", "cpu",
         "--results", str(tmp_path / "results"), "--yes", *FULL_SIZE],
        env=os.environ | {"DOCKER_HOST": engine, "HF_HOME": str(tmp_path / "hf")},
        capture_output=True, text=True, timeout=2000, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    check_full_size(report)
    assert report["run"]["execution"] == "container"
    assert not list((tmp_path / "hf").rglob("*"))
