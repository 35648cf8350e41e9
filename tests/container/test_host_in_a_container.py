"""`nobs run --host BOX --execution container`: the box's own engine runs the container."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.fakes.fleets import nobs, put
from tests.fakes.sshd import ABSENT, HAS_SSHD, short_sshd

pytestmark = pytest.mark.skipif(not HAS_SSHD, reason=ABSENT)
RECIPE = ("NOBS_BASE_IMAGE", "NOBS_TORCH_INDEX")
WORK = ("--task", "embeddings", "--profile", "quick", "--rows", "6", "--repeats", "3", "--backend",
        "cpu", "--execution", "container")  # fmt: skip


def test_a_host_measures_in_a_container_and_its_report_comes_home(
    engine: str, cpu_image: str, tmp_path: Path
) -> None:
    recipe = {name: os.environ[name] for name in RECIPE if name in os.environ}
    with short_sshd(tmp_path / "s", "box1", DOCKER_HOST=engine, **recipe) as server:
        # The real NOBS in place of the one whose runs are short.
        put(server, "nobs", f'exec {sys.executable} -m nobs "$@"')
        done = nobs(server, "run", "--host", "ssh://box1", *WORK, "--yes", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    (host,) = json.loads(done.stdout)["hosts"]
    report = json.loads(Path(host["report"]).read_text())
    (model,) = report["tasks"][0]["models"].values()
    assert (host["name"], host["state"]) == ("box1", "complete")
    assert (report["run"]["execution"], report["run"]["node"]) == ("container", "box1")
    assert report["run"]["image"]["tag"].startswith(f"{cpu_image}-")
    assert report["run"]["image"]["id"].startswith("sha256:")
    assert (model["status"], len(model["samples"])) == ("ok", 3)
