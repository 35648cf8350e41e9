"""A run that needs the hub: fetched with a network and the token, measured with neither.

A canary token is looked for in every place that others can see.
"""

import gzip
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.fakes.loader import hub_environment
from tests.fakes.proxy import forward_proxy
from tests.fakes.rounds import await_

REPO = Path(__file__).resolve().parents[2]
MODEL = "nomic-ai/modernbert-embed-base"
CANARY = "hf_canaryCANARYcanary0123456789"
KEY_CANARY = "sk-canaryCANARYcanary0123456789"
KEY = "LLM_API_KEY", KEY_CANARY
WORK = ("--profile", "quick", "--task", "embeddings", "--rows", "20", "--model", MODEL)


@pytest.fixture(scope="module")
def hub_url(
    client: docker.DockerClient, cpu_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A hub in a container of its own, on the engine's bridge alone."""
    root = tmp_path_factory.mktemp("hub")
    subprocess.run([sys.executable, "-m", "tests.fakes.models", str(root), "--tiny"], check=True)
    container = client.containers.run(
        cpu_image, entrypoint=["python", "-m", "tests.fakes.hub", "/hub"], detach=True,
        user=f"{os.getuid()}:{os.getgid()}",
        working_dir="/repo", environment={"PYTHONPATH": "/repo", "PYTHONUNBUFFERED": "1"},
        volumes={str(REPO / "tests"): {"bind": "/repo/tests", "mode": "ro"},
                 str(root): {"bind": "/hub", "mode": "ro"}},
    )  # fmt: skip
    try:
        await_(container.logs)
        container.reload()
        yield f"http://{container.attrs['NetworkSettings']['Networks']['bridge']['IPAddress']}:8000"
    finally:
        container.remove(force=True)


@dataclass
class Witness:
    """Everything about a run that others on the machine could have seen."""

    seen: dict[str, str] = field(default_factory=dict)
    containers: list[dict[str, Any]] = field(default_factory=list)

    def watch(self, client: docker.DockerClient, over: threading.Event) -> None:
        """Look at containers and processes until `over`."""
        inspected, logs, processes = {}, {}, set()
        while not over.is_set():
            for container in client.containers.list(
                all=True, filters={"label": "nobs.run_id"}, ignore_removed=True
            ):
                if container.id not in inspected:
                    self.containers.append(container.attrs)
                inspected[container.id] = json.dumps(container.attrs)
                with suppress(docker.errors.APIError):
                    logs[container.id] = container.logs().decode(errors="replace")
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    processes.add(file.read_text(errors="replace"))
            time.sleep(0.2)
        self.seen["docker inspect"] = "\n".join(inspected.values())
        self.seen["docker logs"] = "\n".join(logs.values())
        self.seen["process list"] = "\n".join(processes)


@dataclass
class Run:
    """A finished run and its witness."""

    done: "subprocess.CompletedProcess[str]"
    witness: Witness
    results: Path


def run_watched(
    engine: str,
    hub: str,
    tmp_path: Path,
    *words: str,
    key: tuple[str, str] = KEY,
    **variables: str,
) -> Run:
    environment = hub_environment(hub, tmp_path / "hf") | {
        "DOCKER_HOST": engine, "HF_TOKEN": CANARY, key[0]: key[1], **variables,
    }  # fmt: skip
    witness, over = Witness(), threading.Event()
    with closing(docker.DockerClient(base_url=engine)) as watching:
        thread = threading.Thread(target=witness.watch, args=(watching, over))
        thread.start()
        since = time.time()
        done = subprocess.run(
            [sys.executable, "-m", "nobs", "run", "--execution", "container", "--backend", "cpu",
             "--results", str(tmp_path / "results"), "--repeats", "3", "--verbose", *words],
            env=environment, capture_output=True, text=True, timeout=500, check=False,
        )  # fmt: skip
        over.set()
        thread.join()
        span = f"?since={int(since) - 1}&until={int(time.time())}"
        answer = watching.api.get(f"{watching.api.base_url}/v1.41/events{span}")
        witness.seen["engine events"] = answer.text
    return Run(done, witness, tmp_path / "results")


@pytest.fixture(scope="module")
def measured(engine: str, hub_url: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_watched(engine, hub_url, tmp_path_factory.mktemp("measured"), *WORK)


def test_what_was_fetched_is_measured_in_another_container(measured: Run) -> None:
    assert measured.done.returncode == 0, measured.done.stderr
    report = json.loads(next(measured.results.glob("report_*.json")).read_text())
    assert report["tasks"][0]["models"][MODEL]["status"] == "ok"
    assert len(measured.witness.containers) == 2


def test_only_the_fetching_container_has_a_network_and_the_token(measured: Run) -> None:
    fetch, measure = measured.witness.containers
    networks = [c["HostConfig"]["NetworkMode"] for c in (fetch, measure)]
    targets = [{m["Destination"]: m["RW"] for m in c["Mounts"]} for c in (fetch, measure)]

    assert networks == ["bridge", "none"]
    assert targets[0]["/run/secrets/hf_token"] is False
    cached = {"/cache/huggingface/hub": False, "/cache/huggingface/nobs": False}
    assert targets[1] == {"/run-dir": True, **cached}
    assert fetch["HostConfig"]["DeviceRequests"] in (None, [])


def test_a_lower_case_proxy_on_loopback_is_fetched_through(
    engine: str, hub_url: str, tmp_path: Path
) -> None:
    with forward_proxy(hub_url) as (url, asked):
        proxy = url.replace("://", "://me:pass-word@")
        hub = "http://hub.corp.example"
        run = run_watched(engine, hub, tmp_path, *WORK, http_proxy=proxy)

    assert run.done.returncode == 0, run.done.stderr
    assert sum(address.startswith("http://hub.corp.example/") for address in asked) > 1
    networks = [each["HostConfig"]["NetworkMode"] for each in run.witness.containers]
    assert networks == ["host", "none"]
    files = [file for file in run.results.rglob("*") if file.is_file()]
    kept = [read_file(file) for file in files] + [run.done.stdout, run.done.stderr]
    assert not any("pass-word" in text for text in kept)


def test_the_second_run_needs_no_fetching(
    engine: str, hub_url: str, measured: Run, tmp_path: Path
) -> None:
    os.rename(measured.results.parent / "hf", tmp_path / "hf")  # noqa: PTH104 - keeps the links
    again = run_watched(engine, hub_url, tmp_path, *WORK)
    os.rename(tmp_path / "hf", measured.results.parent / "hf")  # noqa: PTH104

    assert again.done.returncode == 0, again.done.stderr
    assert [c["HostConfig"]["NetworkMode"] for c in again.witness.containers] == ["none"]


def test_a_token_is_found_nowhere(
    engine: str, client: docker.DockerClient, hub_url: str, measured: Run, tmp_path: Path
) -> None:
    failed = run_watched(engine, hub_url, tmp_path, *WORK[:-1], "no/such-model")
    assert failed.done.returncode == 3
    image = client.images.get("nobs:cpu")
    places = {f"{name} ({what})": text for what, run in (("ok", measured), ("failed", failed))
              for name, text in run.witness.seen.items()}  # fmt: skip
    for what, run in (("ok", measured), ("failed", failed)):
        (run_dir,) = (run.results / "runs").iterdir()
        files = {f.name: f.read_text(errors="replace") for f in run_dir.rglob("*") if f.is_file()}
        assert set(files) >= {"spec.json", "events.jsonl", "result.json", "report.json",
                              "outcome.json", "state.json"}  # fmt: skip
        places |= {f"{name} ({what})": text for name, text in files.items()}
        places |= {f"stdout ({what})": run.done.stdout, f"stderr ({what})": run.done.stderr}
    places["published report"] = next(measured.results.glob("report_*.json")).read_text()
    places["image history"] = json.dumps(image.history())
    places["image inspect"] = json.dumps(image.attrs)
    places["traceback"] = json.loads(places["result.json (failed)"])["failure"]["traceback"]

    assert {name.partition(" (")[0] for name in places} == {
        "docker inspect", "docker logs", "process list", "engine events", "image history",
        "image inspect", "spec.json", "events.jsonl", "result.json", "report.json", "outcome.json",
        "state.json", "stdout", "stderr", "published report", "traceback",
    } | {"telemetry.jsonl", "heartbeat"}  # fmt: skip
    seen = ("docker inspect (ok)", "docker logs (ok)", "engine events (ok)", "traceback")
    assert all(places[name] for name in seen)
    assert [name for name, text in places.items() if CANARY in text or KEY_CANARY in text] == []


def test_the_key_of_a_server_is_mounted_and_found_nowhere(
    engine: str, hub_url: str, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(f"{KEY_CANARY}\n")
    key = "LLM_API_KEY_FILE", str(tmp_path / "key")
    run = run_watched(engine, hub_url, tmp_path, "--profile", "quick", "--task", "llms", key=key)
    assert run.done.returncode == 0, run.done.stderr
    (container,) = run.witness.containers
    mounts = {mount["Destination"]: mount["RW"] for mount in container["Mounts"]}
    files = [file for file in run.results.rglob("*") if file.is_file()]
    places = {str(file): read_file(file) for file in files} | run.witness.seen
    places |= {"stdout": run.done.stdout, "stderr": run.done.stderr}

    assert mounts["/run/secrets/llm_api_key"] is False
    assert "/run/secrets/hf_token" not in mounts
    assert "requests.jsonl.gz" in {file.name for file in files}
    assert [name for name, text in places.items() if KEY_CANARY in text or CANARY in text] == []


def read_file(file: Path) -> str:
    content = file.read_bytes()
    return (gzip.decompress(content) if file.suffix == ".gz" else content).decode(errors="replace")
