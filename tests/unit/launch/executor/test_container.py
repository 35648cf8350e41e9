"""The container executor on a stand-in engine."""

from pathlib import Path

import pytest

from nobs.errors import EngineError, UsageError
from nobs.launch.engine.client import connect
from nobs.launch.executor.choice import choose_executor
from nobs.launch.executor.container import ContainerExecutor
from nobs.launch.executor.native import NativeExecutor
from nobs.launch.image.build import find_old_tags
from nobs.schema.spec import ImageRef
from nobs.storage.rundir import RunDir
from tests.fakes.engine import stand_in_engine
from tests.fakes.facts import make_facts
from tests.fakes.runs import order, quick_workload


def imaged(tmp_path: Path, image_id: str) -> RunDir:
    """Order a run on an image."""
    run_dir = order(tmp_path / "results", quick_workload())
    image = ImageRef(tag="nobs:cpu-x", id=image_id)
    run_dir.write(run_dir.spec_file, run_dir.read_spec().model_copy(update={"image": image}))
    return run_dir


def test_a_run_without_an_image_is_native_and_needs_no_engine(tmp_path: Path) -> None:
    spec = order(tmp_path / "results", quick_workload()).read_spec()

    assert isinstance(choose_executor(spec, make_facts().require_engine), NativeExecutor)


def test_a_run_on_an_image_needs_the_engine(tmp_path: Path) -> None:
    spec = imaged(tmp_path, "sha256:a").read_spec()

    with pytest.raises(UsageError, match="no container engine"):
        choose_executor(spec, make_facts().require_engine)


def test_the_image_is_what_finished_steps_depended_on(tmp_path: Path) -> None:
    with stand_in_engine(tmp_path / "s") as engine, connect({"DOCKER_HOST": engine.url}) as found:
        before, now = ContainerExecutor(found).compare_environments(imaged(tmp_path, "sha256:a"))

    assert (before, now) == ({"image": "sha256:a"}, {"image": f"sha256:{'0' * 64}"})


def test_an_engine_that_fails_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    run_dir = imaged(tmp_path, "sha256:a")
    with stand_in_engine(tmp_path / "s") as engine, connect({"DOCKER_HOST": engine.url}) as found:
        executor = ContainerExecutor(found)
        assert not executor.is_running(run_dir)
        assert list(executor.find_leftovers()) == []
        engine.fails.set()

        with pytest.raises(EngineError, match="out of order"):
            executor.is_running(run_dir)


def test_images_that_no_backend_names_any_more_are_old() -> None:
    tags = {
        "nobs:cpu": "a", "nobs:cpu-000000000001": "a", "nobs:cpu-000000000002": "b",
        "nobs:cuda-000000000003": "c", "nobs:mine": "d", "nobs:cpu-test": "e",
    }  # fmt: skip

    assert find_old_tags(tags) == ["nobs:cpu-000000000002", "nobs:cuda-000000000003"]
