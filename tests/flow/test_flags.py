"""A busy neighbour is seen, whatever the sensors tell."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.native_run import nobs_run

# Alone: beside the busy core and other tests the model server would take minutes.
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
        # On one core: two threads of llama.cpp wait for each other, and the busy one delays both.
        done = nobs_run(tmp_path, "--profile", "quick", "--repeats", "2", "--task", *work, "--json")
    finally:
        busy.kill()
        busy.wait()
    assert done.returncode == 0, done.stderr
    (model,) = json.loads(done.stdout)["tasks"][0]["models"].values()
    flags = {flag["name"]: flag for flag in model["flags"]}

    assert flags["foreign-cpu"]["severity"] == "warning"
    assert "CPU cores busy" in flags["foreign-cpu"]["message"]
