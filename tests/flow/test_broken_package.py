"""A third party's package that is broken, or gone: named, and no harm to anything else."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.fakes.command import run_nobs
from tests.fakes.installed import CATALOG, NATIVE, Installed


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("--task", "example"), "There is no task 'example'. Choose one of: embeddings, llms"),
        (("--backend", "npu"), "'npu' is not one of auto, cuda, rocm, mps, cpu"),
        (("--provider", "example"), "'example' is not one of 'lmstudio', 'openai', 'ollama'"),
    ],
)
def test_without_the_package_its_names_are_refused(
    tmp_path: Path, words: Sequence[str], refusal: str
) -> None:
    done = run_nobs("run", "--profile", "quick", *words, cwd=tmp_path)

    assert done.returncode == 2
    assert refusal in done.stderr


@pytest.fixture(params=["another package's", "its own"])
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, str, str]]:
    """A task that can't be imported: the directory of its package, its name, the package's."""
    if request.param == "its own":
        package = tmp_path / "nobs_example"
        package.mkdir()
        (package / "__init__.py").write_text("undefined_name\n")
        (package / "catalog.toml").write_text(CATALOG.read_text())
        yield tmp_path, "example", "nobs-example"
        return
    (tmp_path / "broken_task.py").write_text("undefined_name\n")
    info = tmp_path / "broken_task-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-task\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[nobs.tasks]\nbroken = broken_task:DEFINITION\n")
    yield tmp_path, "broken", "broken-task"


@pytest.mark.long
def test_a_task_that_cannot_be_imported_is_named_and_costs_nothing_else(
    package: Installed, broken: tuple[Path, str, str]
) -> None:
    path, task, owner = broken
    quick = ("--task", "embeddings", "--profile", "quick", "--dry-run")
    fine = [
        package.nobs(*words, path=path)
        for words in (["--help"], ["run", "--help"], ["tasks"], ["tasks", "--json"], ["models"],
                      ["run", *quick, *NATIVE, "--backend", "cpu"])
    ]  # fmt: skip
    refused = package.nobs("run", "--task", task, *NATIVE, path=path)
    doctor = package.nobs("doctor", "--backend", "cpu", path=path)
    message = f"The task '{task}' of {owner} can't be loaded"

    assert [done.returncode for done in fine] == [0] * len(fine), [done.stderr for done in fine]
    assert f"{task}: unusable. {message}" in fine[2].stdout
    assert refused.returncode == 3
    assert message in refused.stderr
    assert f"Repair or uninstall {owner}" in refused.stderr
    assert f"task {task} " in doctor.stdout
