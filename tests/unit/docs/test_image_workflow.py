"""The workflow that builds images: it knows the recipes, and no more rights than it needs."""

import re
import shlex
import subprocess
from importlib import import_module
from typing import Any

import pytest

from nobs import __version__
from tests.fakes.pages import REPO

SCRIPT = REPO / "tools/publish_images.sh"
WORKFLOW = import_module("yaml").safe_load((REPO / ".github/workflows/images.yml").read_text())
BUILDS: list[dict[str, str]] = WORKFLOW["jobs"]["build"]["strategy"]["matrix"]["include"]


def scripts() -> list[str]:
    return [
        step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step
    ]


def recipe(image: str) -> tuple[str, str]:
    """Return the Dockerfile's text and the index of torch that the script names for an image."""
    [(backend, index)] = re.findall(rf"^ +{image}\) echo (\w+) (\S+) ;;$", SCRIPT.read_text(), re.M)
    return (REPO / "docker" / f"{backend}.Dockerfile").read_text(), index


def test_every_image_that_is_built_is_published() -> None:
    published = WORKFLOW["jobs"]["publish"]["strategy"]["matrix"]["image"]

    assert {build["image"] for build in BUILDS} == set(published)
    assert {(build["image"], build["arch"]) for build in BUILDS} >= {
        ("cpu", "amd64"), ("cpu", "arm64"), ("cuda12", "amd64"), ("cuda13", "amd64"),
        ("rocm", "amd64"),
    }  # fmt: skip


@pytest.mark.parametrize("image", sorted({build["image"] for build in BUILDS}))
def test_the_arguments_of_a_build_are_those_of_its_recipe(image: str) -> None:
    text, index = recipe(image)
    given = set(re.findall(r'--build-arg "([A-Z_]+)=', SCRIPT.read_text()))

    assert given == {"BASE_IMAGE", "TORCH_INDEX", "NOBS_VERSION", "NOBS_COMMIT", "NOBS_SOURCE"}
    assert given <= set(re.findall(r"^ARG ([A-Z_]+)", text, re.MULTILINE))
    assert " AS facts" in text
    # CUDA 12 is for older drivers; all others have the index that their recipe takes by itself.
    assert image == "cuda12" or f"ARG TORCH_INDEX={index}\n" in text


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


def test_the_workflow_calls_the_script_as_it_is_meant() -> None:
    called = [
        words for script in scripts() for words in re.findall(r"publish_images\.sh (\w+)", script)
    ]
    done = subprocess.run([SCRIPT], check=False, timeout=10, capture_output=True, text=True)

    assert called == ["build", "tag", "sign"]
    assert (done.returncode, done.stderr) == (2, "publish_images: build, tag or sign\n")


def test_an_image_that_is_not_known_is_refused() -> None:
    done = subprocess.run(
        [SCRIPT, "build", "cuda11", "amd64", "x.example/nobs"], check=False, timeout=10,
        capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 2
    assert "there is no image cuda11" in done.stderr


def test_the_version_is_read_as_the_package_has_it() -> None:
    [line] = re.findall(r"^version=\$\((.*)\)$", SCRIPT.read_text(), re.MULTILINE)
    done = subprocess.run(
        shlex.split(line), cwd=REPO, check=True, timeout=10, capture_output=True, text=True
    )

    assert done.stdout.strip() == __version__
