"""Images as files: saved by one engine, loaded by another or by one that lost them."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from nobs.errors import EngineError, UsageError
from nobs.launch.engine.client import Engine, connect
from nobs.launch.image.archive import load_image, save_image
from nobs.launch.image.plan import ImagePlan
from nobs.schema.spec import ImageRef


def make_plan(mark: str) -> ImagePlan:
    return ImagePlan(
        backend="trial", tag=f"nobs:trial-{mark}", name="nobs:trial", dockerfile="x",
        build_args={}, files={},
    )  # fmt: skip


@pytest.fixture
def found(engine: str) -> Iterator[Engine]:
    with connect({"DOCKER_HOST": engine}) as connected:
        yield connected


@pytest.fixture
def plan(found: Engine, tmp_path: Path) -> Iterator[ImagePlan]:
    """An image of one small file that the engine has under the plan's tag."""
    made = make_plan(uuid.uuid4().hex[:12])
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY mark /\n")
    (tmp_path / "mark").write_text(made.tag)
    found.client.images.build(path=str(tmp_path), tag=made.tag)
    yield made
    for tag in (made.tag, made.name):
        try:
            found.client.images.remove(tag, force=True)
        except docker.errors.ImageNotFound:
            continue


def test_an_image_comes_back_from_its_file(found: Engine, plan: ImagePlan, tmp_path: Path) -> None:
    file = tmp_path / "image.tar"
    image = found.client.images.get(plan.tag)
    written = save_image(found, ImageRef(tag=plan.tag, id=image.id), file)
    found.client.images.remove(plan.tag, force=True)

    (loaded,) = load_image(found, file, [plan])

    assert written == file.stat().st_size
    assert loaded.tag == plan.tag
    assert plan.name in found.client.images.get(plan.tag).tags
    assert sorted(tmp_path.glob(".image.tar*")) == []


def test_an_image_of_another_commit_is_refused(
    found: Engine, plan: ImagePlan, tmp_path: Path
) -> None:
    file = tmp_path / "image.tar"
    save_image(found, ImageRef(tag=plan.tag), file)

    with pytest.raises(EngineError, match=f"holds {plan.tag}, but this NOBS needs nobs:trial-0"):
        load_image(found, file, [make_plan("0" * 12)])


def test_a_half_copied_file_is_refused(found: Engine, plan: ImagePlan, tmp_path: Path) -> None:
    file = tmp_path / "image.tar"
    save_image(found, ImageRef(tag=plan.tag), file)
    found.client.images.remove(plan.tag, force=True)
    half = tmp_path / "half.tar"
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 2])

    with pytest.raises(EngineError, match=r"half\.tar"):
        load_image(found, half, [plan])


def test_a_missing_file_and_a_missing_directory_are_usage_errors(
    found: Engine, plan: ImagePlan, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="can't be read: No such file"):
        load_image(found, tmp_path / "none.tar", [plan])
    with pytest.raises(UsageError, match="There is no directory"):
        save_image(found, ImageRef(tag=plan.tag), tmp_path / "none" / "image.tar")
