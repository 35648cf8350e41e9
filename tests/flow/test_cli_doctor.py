"""`nobs doctor` on this machine, in a child process."""

import json
from pathlib import Path

import pytest

from tests.fakes.command import NO_ENGINE, environment, run_nobs
from tests.fakes.hub import fake_hub

pytest.importorskip("torch", reason="the worker of these checks is this installation's")


def examine(cwd: Path, *words: str, **changes: str) -> tuple[int, dict[str, dict[str, str]]]:
    done = run_nobs("doctor", "--json", *words, cwd=cwd, env=environment(cwd, **changes))
    assert done.stderr == ""
    assert list(cwd.rglob("results/*")) == []
    return done.returncode, {check["name"]: check for check in json.loads(done.stdout)}


def test_a_cpu_needs_no_engine_where_the_worker_is_installed(tmp_path: Path) -> None:
    code, checks = examine(tmp_path, "--backend", "cpu")
    assert code == 0
    assert checks["engine"]["state"] == "warn"
    assert NO_ENGINE in checks["engine"]["found"]
    assert checks["worker"]["state"] == "ok"
    assert checks["worker"]["found"].startswith("torch ")
    assert checks["driver"]["state"] == checks["gpu runtime"]["state"] == "skip"


def test_an_unreachable_hub_and_an_empty_cache_are_warnings(tmp_path: Path) -> None:
    code, checks = examine(tmp_path, "--backend", "cpu")
    assert code == 0
    assert checks["hub"]["state"] == "warn"
    assert "http://127.0.0.1:9 can't be reached" in checks["hub"]["found"]
    assert "refused" in checks["hub"]["found"]
    assert checks["cache"]["state"] == "warn"
    assert "missing: stanfordnlp/imdb, thenlper/gte-large" in checks["cache"]["found"]


def test_a_hub_that_answers(tmp_path: Path) -> None:
    with fake_hub(tmp_path) as hub:
        _, checks = examine(tmp_path, "--backend", "cpu", HF_ENDPOINT=hub.url)
    assert (checks["hub"]["state"], checks["hub"]["found"]) == ("ok", f"{hub.url} answers")


def test_a_hub_that_is_not_to_be_used(tmp_path: Path) -> None:
    _, checks = examine(tmp_path, "--backend", "cpu", HF_HUB_OFFLINE="1")
    assert checks["hub"]["state"] == "skip"


def test_a_missing_gpu_fails_its_backend(tmp_path: Path) -> None:
    code, checks = examine(tmp_path, "--backend", "mps")
    if checks["driver"]["state"] == "ok":
        pytest.skip("this machine has an Apple chip")
    assert code == 3
    assert "Apple chip" in checks["driver"]["found"]
    assert "--backend" in checks["driver"]["remedy"]


def test_results_that_are_a_file_fail(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    code, checks = examine(tmp_path, "--backend", "cpu", "--results", "taken")
    assert code == 3
    assert checks["results"]["state"] == "fail"


def test_a_cache_that_containers_do_not_see(tmp_path: Path) -> None:
    elsewhere = str(tmp_path / "elsewhere")
    _, checks = examine(tmp_path, "--backend", "cpu", HF_HUB_CACHE=elsewhere)
    assert checks["cache"]["state"] == "warn"
    assert elsewhere in checks["cache"]["found"]
    assert "HF_HOME" in checks["cache"]["remedy"]


def test_people_read_it_at_80_columns(tmp_path: Path) -> None:
    done = run_nobs("doctor", "--backend", "cpu", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok   python        Python 3.")
    assert [line for line in lines if len(line) > 80 and " " in line[19:].strip()] == []
