"""One cache for both executions: fetched natively, measured in a container without a network."""

import json
import os
import subprocess
import sys
from pathlib import Path

from nobs.catalog import load_catalog
from tests.fakes.hub import fake_hub
from tests.fakes.loader import hub_environment

IMDB = load_catalog().datasets["stanfordnlp/imdb"]
MODEL = "nomic-ai/modernbert-embed-base"
WORK = (
    "--task", "embeddings", "--model", MODEL, "--dataset", f"{IMDB.id}@{IMDB.revision}",
    "--rows", "20",
)  # fmt: skip


def nobs(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nobs", *arguments], env=environment, capture_output=True,
        text=True, timeout=500, check=False,
    )  # fmt: skip


def test_what_was_fetched_natively_is_measured_in_a_container_offline(
    engine: str, cpu_image: str, tmp_path: Path
) -> None:
    root, home = tmp_path / "hub", tmp_path / "hf"
    subprocess.run([sys.executable, "-m", "tests.fakes.models", str(root), "--tiny"], check=True)
    with fake_hub(root) as hub:
        environment = hub_environment(hub.url, home) | {"DOCKER_HOST": engine}
        fetched = nobs(environment, "prefetch", *WORK)
        assert fetched.returncode == 0, fetched.stderr

    done = nobs(
        environment | {"HF_HUB_OFFLINE": "1"}, "run", "--execution", "container", "--backend",
        "cpu", "--results", str(tmp_path / "results"), "--repeats", "3", "--json", *WORK,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    model = json.loads(done.stdout)["tasks"][0]["models"][MODEL]
    pinned = load_catalog().models[MODEL].revision
    assert (model["status"], model["weights"]["revision"]) == ("ok", pinned)
    assert {path.stat().st_uid for path in home.rglob("*")} == {os.getuid()}


def test_hub_that_only_the_host_reaches_is_a_clear_error(
    engine: str, cpu_image: str, tmp_path: Path
) -> None:
    environment = hub_environment("http://127.0.0.1:9", tmp_path / "hf") | {"DOCKER_HOST": engine}
    done = nobs(
        environment, "run", "--execution", "container", "--backend", "cpu", "--results",
        str(tmp_path / "results"), "--repeats", "3", *WORK,
    )  # fmt: skip

    assert done.returncode == 3
    assert "nobs prefetch" in done.stdout
