"""A latency promise is searched from a container: the server, of known queueing, is on the host."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nobs.report.validation import Ruling, validate_document
from tests.fakes.llm_answers import MODEL, whole_server
from tests.fakes.llm_server import serving
from tests.fakes.queueing import queue_answers

SERVICE_S = 0.1


def test_the_highest_load_with_a_promise_is_found_and_shown(
    engine: str, cpu_image: str, tmp_path: Path
) -> None:
    # Two at once wait for 200 ms and three for 300 ms, 50 ms on either side of the promise.
    with serving(whole_server(queue_answers(SERVICE_S))) as server:
        done = subprocess.run(
            [sys.executable, "-m", "nobs", "run", "--execution", "container", "--backend", "cpu",
             "--profile", "quick", "--task", "llms", "--repeats", "3",
             "--llm-url", server.url, "--llm-model", MODEL, "--slo", "latency=250ms@p50",
             "--results", str(tmp_path / "results"), "--yes"],
            env=os.environ | {"DOCKER_HOST": engine}, capture_output=True, text=True,
            timeout=400, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (file,) = (tmp_path / "results").glob("report_*.json")
    report = json.loads(file.read_text(encoding="utf-8"))
    (model,) = report["tasks"][0]["models"].values()
    answer, levels = model["load"]["promise"], model["load"]["levels"]
    lines = [line.strip() for line in done.stdout.splitlines()]

    assert report["run"]["execution"] == "container"
    assert model["server"]["socket"] == "/run/nobs/server.sock"
    assert (answer["holds_at"], answer["fails_at"], answer["ended"]) == (2, 3, "found")
    assert answer["peak_requests_per_sec"] == pytest.approx(1 / SERVICE_S, rel=0.1)
    assert {level["concurrency"] for level in levels} >= {1, 2, 3, 4}
    assert all(level["failures"] == {} for level in levels)
    assert "SLO: 50 % of requests: latency up to 250 ms" in lines
    assert "SLO holds at concurrency 2, fails at concurrency 3 (95 % confidence)" in lines
    _, kept, times = (line.split() for line in lines if line.startswith("2 at once "))
    assert (kept[3], times[-1]) == ("holds", "ms")
    assert float(times[3]) == pytest.approx(200, rel=0.2)
    found = validate_document(report)
    assert (found.ruling, found.faults) == (Ruling.OPEN, ())
