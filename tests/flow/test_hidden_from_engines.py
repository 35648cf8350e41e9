"""Engines that see less than we do, and what they are handed: secrets, proxies, certificates."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nobs.storage.owner import scratch_directory, sweep_scratch
from tests.fakes.command import environment, run_nobs, start_nobs
from tests.fakes.engine import StandInEngine, stand_in_engine
from tests.fakes.rounds import await_

RUN = ("run", "--task", "embeddings", "--backend", "cpu", "--execution", "container", "--yes")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
SNAP = {"DockerRootDir": "/var/snap/docker/common/var-lib-docker"}
TOKEN = "hf_a-secret-of-mine"


def env_of(engine: StandInEngine, tmp_path: Path, **variables: str) -> dict[str, str]:
    env = environment(tmp_path, DOCKER_HOST=engine.url, **variables)
    kept = {name for name in env if name.lower().endswith(("_proxy", "_cert_file", "_bundle"))}
    return {name: value for name, value in env.items() if name not in kept - {*variables}}


def hide_as_a_snap_does(order: dict[str, Any]) -> str:
    """Refuse in moby's words what lies in /tmp itself; take the rest, and then refuse that too."""
    for mount in order["HostConfig"]["Mounts"]:
        if mount["Source"].startswith("/tmp/nobs-"):
            return f"bind source path does not exist: {mount['Source']}"
    return "everything is seen"


@contextmanager
def begun(engine: StandInEngine, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Begin a run, and yield once the engine has been asked for its container."""
    with start_nobs(
        *RUN, "--results", "res", cwd=tmp_path,
        env=env_of(engine, tmp_path, HF_TOKEN=TOKEN, LLM_API_KEY="a-key-of-mine"),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as launcher:  # fmt: skip
        try:
            await_(lambda: engine.created)
            yield launcher
        finally:
            launcher.kill()


def test_secrets_are_where_the_engine_sees_the_results(tmp_path: Path) -> None:
    with stand_in_engine(tmp_path / "e.sock", hide_as_a_snap_does, info=SNAP) as engine:
        done = run_nobs(*RUN, "--results", "res", cwd=tmp_path,
                        env=env_of(engine, tmp_path, HF_TOKEN=TOKEN))  # fmt: skip
    assert "everything is seen" in done.stderr
    assert done.returncode == 3


@pytest.mark.parametrize("stop", ["terminate", "kill"])
def test_no_signal_leaves_a_secret_behind(tmp_path: Path, stop: str) -> None:
    with (
        stand_in_engine(tmp_path / "e.sock", waits=True) as engine,
        begun(engine, tmp_path) as launcher,
    ):
        (file,) = (tmp_path / "res/runs").glob("nobs-scratch-*/hf_token")
        assert file.read_text() == TOKEN
        assert file.stat().st_mode & 0o777 == 0o600
        getattr(launcher, stop)()
        engine.go.set()
        launcher.communicate(timeout=60)
        if stop == "kill":
            assert file.parent in sweep_scratch(tmp_path / "res/runs")
    assert list(tmp_path.rglob("*nobs-scratch*")) == []


def test_nothing_of_another_process_is_swept(tmp_path: Path) -> None:
    with scratch_directory(tmp_path) as directory:
        assert directory not in sweep_scratch(tmp_path)
        assert directory.is_dir()


def test_a_dry_run_writes_no_secret(tmp_path: Path) -> None:
    with stand_in_engine(tmp_path / "e.sock") as engine:
        done = run_nobs(*RUN[:-1], "--dry-run", "--json", "--results", "res", cwd=tmp_path,
                        env=env_of(engine, tmp_path, HF_TOKEN=TOKEN))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "hf_token" in done.stdout
    assert TOKEN not in done.stdout
    assert not (tmp_path / "res").exists()


@pytest.mark.parametrize("lower", [True, False])
def test_proxies_of_either_case_reach_the_download_and_the_build_alone(
    tmp_path: Path, lower: bool
) -> None:
    names = {name.lower() if lower else name: f"http://me:pass-word@{name}:1" for name in PROXIES}
    plan, shown = planned(tmp_path, names)
    for name in PROXIES:
        for case in (name, name.lower()):
            assert plan["fetch"]["environment"][case] == f"http://***@{name}:1"
            assert plan["image"]["build_args"][case] == f"http://***@{name}:1"
            assert case not in plan["container"]["environment"]
    assert "pass-word" not in shown
    assert plan["fetch"]["network"] == "bridge"


def test_a_proxy_on_loopback_is_fetched_through_and_built_through(tmp_path: Path) -> None:
    plan, _ = planned(tmp_path, {"https_proxy": "http://127.0.0.1:3128"})
    assert plan["fetch"]["network"] == plan["image"]["network"] == "host"
    assert plan["container"]["network"] == "none"


def test_a_rootless_engine_is_told_of_a_proxy_that_it_cannot_reach(tmp_path: Path) -> None:
    plan, _ = planned(
        tmp_path, {"https_proxy": "http://127.0.0.1:3128"}, {"SecurityOptions": ["name=rootless"]}
    )
    assert any("127.0.0.1:3128" in note for note in plan["notes"])


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_companys_certificates_are_mounted_for_the_download_alone(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "company.pem").write_text("certificates")
    plan, _ = planned(tmp_path, {name: str(tmp_path / "company.pem")})
    fetch = plan["fetch"]
    (mounted,) = (m for m in fetch["mounts"] if m["target"] == "/run/secrets/certificates")
    assert mounted["read_only"]
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        assert fetch["environment"][variable] == "/run/secrets/certificates"
        assert variable not in plan["container"]["environment"]


def test_the_doctor_warns_of_what_a_snap_does_not_see(tmp_path: Path) -> None:
    with stand_in_engine(tmp_path / "e.sock", info=SNAP) as engine:
        done = run_nobs("doctor", "--results", "/home/someone/.results", cwd=tmp_path,
                        env=env_of(engine, tmp_path))  # fmt: skip
    said = " ".join(done.stdout.split())
    assert "Docker's snap doesn't see /home/someone/.results" in said


def planned(
    tmp_path: Path, variables: Mapping[str, str], info: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], str]:
    with stand_in_engine(tmp_path / "e.sock", info=info) as engine:
        env = env_of(engine, tmp_path, **variables)
        shown = run_nobs(*RUN[:-1], "--dry-run", cwd=tmp_path, env=env)
        done = run_nobs(*RUN[:-1], "--dry-run", "--json", cwd=tmp_path, env=env)
    assert (shown.returncode, done.returncode) == (0, 0), done.stderr
    plan: dict[str, Any] = json.loads(done.stdout)
    return plan, shown.stdout + done.stdout
