"""Cold starts through the command line: real processes and real weights."""

import json
from pathlib import Path

import pytest

from nobs.report.validation import Ruling, validate_file
from tests.fakes.native_run import nobs_run

COLD = ("--profile", "cold-quick", "--task", "embeddings")


@pytest.mark.alone  # other tests map the same weights, which then can't be dropped
@pytest.mark.long
def test_each_repeat_is_a_process_that_loads_dropped_weights(tmp_path: Path) -> None:
    done = nobs_run(tmp_path, *COLD, "--repeats", "3", "--json")
    (model,) = json.loads(done.stdout)["tasks"][0]["models"].values()
    (file,) = (tmp_path / "results").glob("report_*.json")

    assert done.returncode == 0, done.stderr
    assert validate_file(file).ruling is Ruling.CLOSED
    assert model["reference"]["rows"] == 1
    assert len(model["cold"]["starts"]) == 3
    assert model["cold"]["weights_cached"] == 0.0
    assert model["cold"]["starts"][0]["import_s"] > model["cold"]["starts"][0]["interpreter_s"]
    assert model["final_median_rows_per_second"] is None


@pytest.mark.long
def test_random_weights_cannot_be_loaded_cold(tmp_path: Path) -> None:
    done = nobs_run(tmp_path, *COLD, "--repeats", "1", "--weights", "random", "--json")
    (model,) = json.loads(done.stdout)["tasks"][0]["models"].values()

    assert done.returncode == 3
    assert "so it has no files to load cold" in model["failure"]["message"]
