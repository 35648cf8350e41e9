"""A busy neighbour is seen, whatever the sensors tell."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.loader import hub_environment

# Alone: the model server with two threads, the busy core and another test would take ten minutes.
pytestmark = [pytest.mark.long, pytest.mark.alone]

BUSY = "while True: pass"


@pytest.mark.parametrize(
    "work",
    [("embeddings", "--rows", "16"), ("llms", "--max-output-tokens", "16")],
    ids=lambda work: work[0],
)
def test_a_core_kept_busy_beside_the_run_is_flagged(tmp_path: Path, work: tuple[str, ...]) -> None:
    busy = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        done = subprocess.run(
            [sys.executable, "-m", "nobs", "run", "--execution", "native", "--backend", "cpu",
             "--profile", "quick", "--repeats", "2", "--task", *work,
             "--results", str(tmp_path / "results"), "--json"],
            env=hub_environment("http://127.0.0.1:9", tmp_path / "hf"),
            capture_output=True, text=True, timeout=550, check=True,
        )  # fmt: skip
    finally:
        busy.kill()
        busy.wait()
    (model,) = json.loads(done.stdout)["tasks"][0]["models"].values()
    flags = {flag["name"]: flag for flag in model["flags"]}

    assert flags["foreign-cpu"]["severity"] == "warning"
    assert "CPU cores busy" in flags["foreign-cpu"]["message"]
