"""Input from others that means harm: repositories, hubs, settings, results directories."""

import json
import os
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from nobs.schema.pins import ModelPin, Source
from nobs.settings import load_env_file
from tests.fakes.command import environment, run_nobs
from tests.fakes.hub import FakeHub
from tests.fakes.loader import Loader
from tests.fakes.rounds import LIGHT, RUN_ID, finish, left_files, ordered_run, reason_of
from tests.fakes.weights import safetensors, write_model

pytestmark = pytest.mark.long

NUMBERS = count()
COMMIT = "4bef63f39fcc5e2d6b0aae83089f307af4970164"
RESUME = ("run", "--resume", RUN_ID)


@pytest.fixture
def pin(hub: FakeHub) -> Iterator[ModelPin]:
    """A repository of its own for each test; the hub is honest again afterwards."""
    name = f"hostile/{next(NUMBERS)}"
    write_model(hub.repo_dir("models", name, COMMIT))
    yield ModelPin(id=name, revision=COMMIT)
    hub.faults.sizes.clear()
    hub.faults.smuggled.clear()


@pytest.mark.parametrize(
    "name",
    ["../escaped.json", "../../../../escaped.json", "/tmp/escaped.json", "a/../../escaped.json",
     "..\\escaped.json", "C:\\escaped.json"],
)  # fmt: skip
def test_a_file_name_that_leads_out_of_the_cache_leads_nowhere(
    hub: FakeHub, child: Loader, pin: ModelPin, home: Path, name: str
) -> None:
    hub.faults.smuggled[pin.id] = (name, b"{}")
    child.model(pin)

    inside = home / "hub"
    escaped = [path for path in home.parent.rglob("*escaped*") if inside not in path.parents]
    assert escaped == []
    assert not Path("/tmp/escaped.json").exists()


@pytest.mark.parametrize("lie", [1, 10**15])
def test_a_hub_that_lies_about_a_size_is_found_out(
    hub: FakeHub, child: Loader, pin: ModelPin, lie: int
) -> None:
    hub.faults.sizes["model.safetensors"] = lie
    answer = child.model(pin)

    assert answer["error"] in {"ModelMissing", "StorageError"}


def test_shards_outside_the_model_are_not_read(child: Loader, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    (model / "model.safetensors").unlink()
    (tmp_path / "outside.safetensors").write_bytes(safetensors(b"x"))
    index = {"weight_map": {"weight": "../outside.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))

    answer = child.model(ModelPin(id=str(model), source=Source.PATH))

    assert answer["error"] == "ModelMissing"
    assert "index.json" in answer["message"]


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "/dev/zero", "/nonexistent", "model.safetensors"]
)
def test_weights_that_are_links_to_something_else_are_refused(
    child: Loader, tmp_path: Path, target: str
) -> None:
    model = write_model(tmp_path / "model")
    (model / "model.safetensors").unlink()
    (model / "model.safetensors").symlink_to(target)

    answer = child.model(ModelPin(id=str(model), source=Source.PATH))

    assert answer["error"] == "ModelMissing"


@pytest.mark.parametrize(
    "text",
    ["NOBS_PROFILE=$(touch pwned)\n", "NOBS_PROFILE=`touch pwned`\n", "NOBS_PROFILE=${HOME}\n",
     "NOBS_PROFILE='unbalanced\n", "=\n==\nexport\n\x00\nNOBS_PROFILE=\x1b[31mred\n"],
)  # fmt: skip
def test_an_odd_env_file_is_a_value_and_nothing_more(tmp_path: Path, text: str) -> None:
    (tmp_path / ".env").write_text(text)
    done = run_nobs("run", "--dry-run", "--execution", "native", cwd=tmp_path)

    assert "Traceback" not in done.stderr
    assert done.returncode in {0, 2}
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_an_env_file_that_is_no_text_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"NOBS_PROFILE=\xff\xfe\n")
    done = run_nobs("tasks", cwd=tmp_path)

    assert done.returncode == 2
    assert done.stderr.startswith("nobs: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "value"),
    [
        pytest.param("", None, id="absent"),
        pytest.param("A_TRIAL=", "", id="empty"),
        pytest.param("A_TRIAL=a b", "a b", id="space"),
        pytest.param('A_TRIAL="a # b"', "a # b", id="hash-in-quotes"),
        pytest.param("A_TRIAL=a # b", "a", id="comment"),
        pytest.param("A_TRIAL='it $HOME'", "it $HOME", id="dollar-in-quotes"),
        pytest.param("A_TRIAL=$HOME", "$HOME", id="dollar"),
        pytest.param("A_TRIAL=a\r", "a", id="crlf"),
        pytest.param("\ufeffA_TRIAL=a", "a", id="byte-order-mark"),
        pytest.param("A_TRIAL=~/x", "~/x", id="tilde"),
        pytest.param('A_TRIAL="${HOME}"', "${HOME}", id="braces"),
        pytest.param("export A_TRIAL=a=b", "a=b", id="export"),
        pytest.param(f"A_TRIAL={'x' * 100_000}", "x" * 100_000, id="long"),
    ],
)
def test_a_value_of_an_env_file_is_taken_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, value: str | None
) -> None:
    monkeypatch.setenv("A_TRIAL", "set here so that it is removed afterwards")
    monkeypatch.delenv("A_TRIAL")
    (tmp_path / ".env").write_text(f"{line}\n", encoding="utf-8", newline="")

    load_env_file(tmp_path)

    assert os.environ.get("A_TRIAL") == value


@pytest.mark.parametrize(
    "backend", ["../x", "cpu ", "'cpu'", "cpu\r", "$(id)", "/etc/passwd", "x" * 5000]
)
def test_a_backend_that_is_none_is_a_usage_error(tmp_path: Path, backend: str) -> None:
    done = run_nobs("run", "--dry-run", cwd=tmp_path,
                    env=environment(tmp_path, NOBS_BACKEND=backend))  # fmt: skip

    assert done.returncode == 2
    assert "NOBS_BACKEND" in done.stderr
    assert "cuda, rocm, mps, cpu" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "results", ["file", "file/below", "x" * 300, "/proc/nobs", "/dev/null", "loop/below"]
)
def test_results_that_can_be_no_directory_are_refused_with_a_remedy(
    tmp_path: Path, results: str
) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    done = run_nobs("run", "--profile", "quick", "--execution", "native", "--task", "embeddings",
                    cwd=tmp_path, env=environment(tmp_path, NOBS_RESULTS=results))  # fmt: skip

    assert done.returncode == 3
    assert results in done.stderr
    assert "directory" in done.stderr
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "file").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "loop"]


def test_an_odd_name_of_the_results_is_a_name(tmp_path: Path) -> None:
    home = tmp_path / "a b, c:d 'e' \"f\" $HOME #g\n;é"
    home.mkdir()
    run_dir = ordered_run(home, "fine")

    done = finish(run_dir, *RESUME, paths=(LIGHT,))

    assert done.returncode == 0, done.stderr
    assert reason_of(run_dir, "fine") == "ok"


def test_results_through_a_link_are_written_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "results").symlink_to(tmp_path / "elsewhere")
    run_dir = ordered_run(tmp_path, "fine")

    assert finish(run_dir, *RESUME, paths=(LIGHT,)).returncode == 0

    assert reason_of(run_dir, "fine") == "ok"
    assert len(list((tmp_path / "elsewhere").glob("report_*.json"))) == 1
    assert left_files(tmp_path) == []


def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "results").symlink_to(tmp_path / "nowhere" / "deep")
    done = run_nobs("run", "--profile", "quick", "--execution", "native", cwd=tmp_path,
                    env=environment(tmp_path))  # fmt: skip

    assert done.returncode == 3
    assert "Traceback" not in done.stderr


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own at `tmp_path/other`, made by root alone."""
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    place = tmp_path / "other"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "nobs-test", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_results_on_another_file_system_are_written_like_any(
    other_disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "results").symlink_to(other_disk)
    run_dir = ordered_run(tmp_path, "fine")

    assert finish(run_dir, *RESUME, paths=(LIGHT,)).returncode == 0

    assert len(list(other_disk.glob("report_*.json"))) == 1
    assert left_files(tmp_path) == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="mounting needs root")
def test_results_that_cannot_be_written_are_refused_before_anything_begins(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "nobs-test", results], check=True)
    try:
        done = run_nobs("run", "--profile", "quick", "--execution", "native", cwd=tmp_path)
    finally:
        subprocess.run(["umount", "--lazy", results], check=True)

    assert done.returncode == 3
    assert "Read-only file system" in done.stderr
    assert "--results" in done.stderr
