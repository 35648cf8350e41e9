"""Input from others that means harm: repositories, hubs, settings, results directories."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nobs.schema.pins import ModelPin, Source
from tests.fakes.command import environment, run_nobs
from tests.fakes.hub import FakeHub
from tests.fakes.loader import Loader
from tests.fakes.rounds import LIGHT, RUN_ID, finish, left_files, ordered_run, reason_of
from tests.fakes.weights import safetensors, write_model

pytestmark = pytest.mark.long

COMMIT = "4bef63f39fcc5e2d6b0aae83089f307af4970164"
RESUME = ("run", "--resume", RUN_ID)


@pytest.fixture
def pin(hub: FakeHub, request: pytest.FixtureRequest) -> Iterator[ModelPin]:
    """A repository of its own for each test; the hub is honest again afterwards."""
    name = f"hostile/{abs(hash(request.node.name))}"
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


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="mounting needs root")
def test_results_that_cannot_be_written_are_refused_before_anything_begins(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "nobs-test", results], check=True)
    try:
        done = run_nobs("run", "--profile", "quick", "--execution", "native", cwd=tmp_path)
    finally:
        subprocess.run(["umount", results], check=True)

    assert done.returncode == 3
    assert "Read-only file system" in done.stderr
    assert "--results" in done.stderr
