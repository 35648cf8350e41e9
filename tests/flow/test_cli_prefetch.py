"""`nobs prefetch` against a hub on loopback, and from packages without any."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nobs.catalog import load_catalog
from tests.fakes.command import environment, run_nobs
from tests.fakes.hub import FakeHub, fake_hub
from tests.fakes.imdb import write_imdb
from tests.fakes.weights import write_model

COMMIT = "c" * 40
"""Revision of a model of no catalogue."""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    with fake_hub(tmp_path / "hub") as hub:
        yield hub


def test_packaged_texts_and_weights_need_no_hub(tmp_path: Path) -> None:
    done = run_nobs(
        "prefetch", "--profile", "quick", "-t", "embeddings,llms", "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    texts, weights, prompts = json.loads(done.stdout)
    pin = load_catalog().models["sentence-transformers/all-MiniLM-L6-v2"]
    assert (texts["kind"], texts["state"], texts["verified"]) == ("inputs", "cached", True)
    assert (prompts["id"], prompts["verified"]) == ("nobs/prompts", True)
    assert weights["sha256"] == {"model.safetensors": pin.weights_sha256}
    assert weights["verified"]


def test_an_unreachable_hub(tmp_path: Path) -> None:
    done = run_nobs("prefetch", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "stanfordnlp/imdb is not cached and http://127.0.0.1:9 can't be reached" in done.stderr
    assert "--profile quick" in done.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    "proxy",
    ["http://me:a#1b@127.0.0.1:9", "http://localhost:nineteen", "http://[::1", "ftp://127.0.0.1:9",
     "socks5://127.0.0.1:9"],
)  # fmt: skip
def test_a_proxy_that_the_hubs_client_cannot_use(tmp_path: Path, proxy: str) -> None:
    env = environment(tmp_path, HTTP_PROXY=proxy, HF_ENDPOINT="http://hub.example", NO_PROXY="")
    done = run_nobs("prefetch", cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout) == (3, "")
    assert "Write HTTP_PROXY, HTTPS_PROXY and ALL_PROXY as http://HOST:PORT" in done.stderr
    assert "Traceback" not in done.stderr
    assert "1b" not in done.stderr


@pytest.mark.long
def test_a_forbidden_hub(tmp_path: Path) -> None:
    env = environment(tmp_path, HF_HUB_OFFLINE="1")
    done = run_nobs("prefetch", cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout) == (3, "")
    assert "this run is offline" in done.stderr


@pytest.mark.long
def test_other_texts_than_the_pinned_ones_are_refused(hub: FakeHub, tmp_path: Path) -> None:
    pin = load_catalog().datasets["stanfordnlp/imdb"]
    write_imdb(hub.repo_dir("datasets", pin.id, str(pin.revision)), count=1200)
    done = run_nobs("prefetch", cwd=tmp_path, env=environment(tmp_path, HF_ENDPOINT=hub.url))
    assert (done.returncode, done.stdout) == (3, "")
    assert "nobs prefetch --force" in done.stderr


def test_a_model_of_the_hub_is_fetched_once(hub: FakeHub, tmp_path: Path) -> None:
    name = f"test/small@{COMMIT}"
    write_model(hub.repo_dir("models", "test/small", COMMIT))
    (tmp_path / "mine.txt").write_text("one\ntwo\n")
    words = ("--profile", "quick", "--task", "embeddings", "--dataset", "mine.txt", "--rows", "2",
             "--model", name)  # fmt: skip
    env = environment(tmp_path, HF_ENDPOINT=hub.url)

    def fetch(*more: str) -> tuple[dict[str, Any], dict[str, Any]]:
        done = run_nobs("prefetch", "--json", *words, *more, cwd=tmp_path, env=env)
        assert done.returncode == 0, done.stderr
        texts, weights = json.loads(done.stdout)
        return texts, weights

    texts, weights = fetch()
    assert (texts["state"], texts["size_bytes"]) == ("cached", 8)
    assert (weights["state"], weights["revision"]) == ("fetched", COMMIT)
    assert not weights["verified"]
    asked = len(hub.requests)
    assert fetch()[1] == {**weights, "state": "cached"}
    assert len(hub.requests) == asked
    assert fetch("--force")[1]["state"] == "fetched"
