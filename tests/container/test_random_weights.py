"""Random weights without downloads in the launcher's container, which has no network.

tests/flow/test_random_weights.py measures them at full size.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.long
def test_random_weights_are_measured_without_hub_and_cache(
    engine: str, cpu_image: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nobs", "run", "--execution", "container", "--backend", "cpu",
         "--results", str(tmp_path / "results"), "--yes", "--profile", "quick", "--task",
         "embeddings", "--weights", "random", "--rows", "4", "--repeats", "1", "--json"],
        env=os.environ | {"DOCKER_HOST": engine, "HF_HOME": str(tmp_path / "hf")},
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    (model,) = report["tasks"][0]["models"].values()
    assert report["run"]["execution"] == "container"
    assert (model["status"], len(model["all_runs"])) == ("ok", 1)
    assert "random-weights" in {flag["name"] for flag in model["flags"]}
    assert not list((tmp_path / "hf").rglob("*"))
