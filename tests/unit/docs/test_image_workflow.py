"""The workflow that builds images: it knows the recipes, and no more rights than it needs."""

import re
import shlex
import subprocess
from importlib import import_module
from typing import Any

import pytest

from tests.fakes.pages import REPO

WORKFLOW = import_module("yaml").safe_load((REPO / ".github/workflows/images.yml").read_text())
BUILDS: list[dict[str, str]] = WORKFLOW["jobs"]["build"]["strategy"]["matrix"]["include"]


def scripts() -> list[str]:
    return [
        step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step
    ]


def recipe(backend: str) -> str:
    return (REPO / "docker" / f"{backend}.Dockerfile").read_text()


def test_every_image_that_is_built_is_published() -> None:
    published = WORKFLOW["jobs"]["publish"]["strategy"]["matrix"]["image"]

    assert {build["image"] for build in BUILDS} == set(published)
    assert {(build["image"], build["arch"]) for build in BUILDS} >= {
        ("cpu", "amd64"), ("cpu", "arm64"), ("cuda12", "amd64"), ("cuda13", "amd64"),
        ("rocm", "amd64"),
    }  # fmt: skip


@pytest.mark.parametrize("backend", sorted({build["backend"] for build in BUILDS}))
def test_the_arguments_of_a_build_are_those_of_its_recipe(backend: str) -> None:
    given = {name for script in scripts() for name in re.findall(r'--build-arg "([A-Z_]+)=', script)}

    assert given == {"TORCH_INDEX", "NOBS_VERSION", "NOBS_COMMIT", "NOBS_SOURCE"}
    assert given <= set(re.findall(r"^ARG ([A-Z_]+)", recipe(backend), re.MULTILINE))
    assert " AS facts" in recipe(backend)


def test_only_publishing_may_sign_and_nothing_else_is_granted() -> None:
    rights: dict[str, Any] = {name: job["permissions"] for name, job in WORKFLOW["jobs"].items()}

    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert rights == {
        "build": {"contents": "read", "packages": "write"},
        "publish": {"contents": "read", "packages": "write", "id-token": "write"},
    }


def test_actions_of_third_parties_are_pinned_by_their_commit() -> None:
    used = [
        step["uses"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "uses" in step
    ]
    others = [name for name in used if not name.startswith("actions/")]

    assert others
    assert [name for name in others if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)] == []


def test_the_scripts_are_bash_and_interpolate_nothing() -> None:
    for script in scripts():
        assert "${{" not in script
        subprocess.run(["bash", "-n", "-c", script], check=True, timeout=10)


def test_the_version_is_read_as_the_package_has_it() -> None:
    from nobs import __version__

    [line] = {found for script in scripts() for found in re.findall(r"^version=\$\((.*)\)$", script, re.MULTILINE)}
    done = subprocess.run(
        shlex.split(line), cwd=REPO, check=True, timeout=10, capture_output=True, text=True
    )

    assert done.stdout.strip() == __version__
