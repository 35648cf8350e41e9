import shutil
from pathlib import Path
from typing import Any

import pytest

from nobs.errors import EngineError
from nobs.launch.image.plan import ImagePlan, plan_image, recipes_root

ROOT = Path(__file__).parents[4]


def plan(backend: str = "cpu", **changes: Any) -> ImagePlan:
    values: dict[str, Any] = {"version": "1.0", "commit": "abc"}
    return plan_image(backend, **(values | changes))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Lay out a small checkout and return its package."""
    for name in ("docker", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name)
    package = tmp_path / "nobs"
    (package / "__pycache__").mkdir(parents=True)
    (package / "one.py").write_text("ONE = 1\n")
    (package / "__pycache__" / "one.pyc").write_bytes(b"old")
    return package


def test_recipes_lie_in_the_checkout() -> None:
    assert recipes_root() == ROOT


def test_an_installed_package_carries_its_recipes(package: Path) -> None:
    (package / "recipes").mkdir()
    for name in ("docker", "requirements"):
        shutil.move(package.parent / name, package / "recipes" / name)

    found = plan(package=package)

    assert recipes_root(package) == package / "recipes"
    assert "docker/cpu.Dockerfile" in found.files
    assert not any(name.startswith("nobs/recipes") for name in found.files)


def test_a_checkout_and_an_installed_package_have_the_same_tag(package: Path) -> None:
    in_checkout = plan(package=package).tag
    (package / "recipes").mkdir()
    for name in ("docker", "requirements"):
        shutil.move(package.parent / name, package / "recipes" / name)

    assert plan(package=package).tag == in_checkout


def test_the_context_holds_recipes_locks_and_code_and_nothing_else(package: Path) -> None:
    files = plan(package=package).files

    assert {"docker/cpu.Dockerfile", "requirements/bench.txt", "nobs/one.py"} <= set(files)
    assert {name.partition("/")[0] for name in files} == {"docker", "requirements", "nobs"}
    assert not [name for name in files if name.endswith(".pyc")]


def test_the_same_content_has_the_same_tag(package: Path) -> None:
    before = plan(package=package)
    (package / "one.py").touch()
    (package / "__pycache__" / "one.pyc").write_bytes(b"new")

    assert plan(package=package) == before
    assert before.tag.startswith("nobs:cpu-")
    assert len(before.tag.removeprefix("nobs:cpu-")) == 12


@pytest.mark.parametrize(
    "file", ["nobs/one.py", "docker/cpu.Dockerfile", "docker/install.sh", "requirements/torch.txt"]
)
def test_a_changed_file_changes_the_tag(package: Path, file: str) -> None:
    before = plan(package=package).tag
    with (package.parent / file).open("a") as text:
        text.write("# changed\n")

    assert plan(package=package).tag != before


def test_the_recipe_of_another_backend_does_not_change_the_tag(package: Path) -> None:
    before = plan(package=package).tag
    (package.parent / "docker" / "rocm.Dockerfile").write_text("FROM scratch\n")

    assert plan(package=package).tag == before


def test_arguments_change_the_tag_and_the_commit_does_not() -> None:
    tags = [
        plan().tag,
        plan(torch_index="default").tag,
        plan(base_image="local:1").tag,
        plan("cuda").tag,
    ]

    assert len(set(tags)) == 4
    assert plan(commit="def", source="https://box.example/nobs").tag == plan().tag


def test_what_is_not_chosen_is_left_to_the_recipe() -> None:
    assert plan().build_args == {"NOBS_VERSION": "1.0", "NOBS_COMMIT": "abc"}
    assert plan(commit=None).build_args["NOBS_COMMIT"] == "unknown"
    assert plan(source="https://box.example/nobs").build_args["NOBS_SOURCE"].endswith("/nobs")
    assert plan(torch_index="cu126", base_image="b").build_args["TORCH_INDEX"] == "cu126"


def test_a_backend_without_a_recipe_is_refused() -> None:
    with pytest.raises(EngineError, match=r"docker/mps\.Dockerfile"):
        plan("mps")
