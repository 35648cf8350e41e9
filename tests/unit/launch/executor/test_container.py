"""The container executor on a stand-in engine."""

from pathlib import Path

import pytest

from nobs.catalog import load_catalog
from nobs.errors import EngineError, UsageError
from nobs.launch.engine.client import connect
from nobs.launch.executor.choice import choose_executor
from nobs.launch.executor.container import ContainerExecutor
from nobs.launch.executor.native import NativeExecutor
from nobs.launch.image.build import find_old_tags
from nobs.launch.image.pull import pull_image
from nobs.launch.planning.plan import make_plan, plan_spec
from nobs.render.plan import render_plan
from nobs.schema.enums import Execution
from nobs.schema.spec import ImageRef
from nobs.storage.rundir import RunDir
from nobs.storage.store import make_run_dir, prepare_results
from nobs.tasks.chat.params import ChatParams, LoadParams
from nobs.tasks.chat.promise import Promise
from nobs.tasks.parameters import typed_spec
from tests.fakes.engine import stand_in_engine
from tests.fakes.facts import make_facts
from tests.fakes.run_requests import make_request
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


def test_a_run_is_not_resumed_on_an_engine_of_another_machine(tmp_path: Path) -> None:
    spec, other = imaged(tmp_path, "sha256:a").read_spec(), {"KernelVersion": "9.9.9", "Name": "b2"}
    with (
        stand_in_engine(tmp_path / "s", info=other) as engine,
        connect({"DOCKER_HOST": engine.url}) as found,
        pytest.raises(EngineError, match=r"on another machine \(b2\)"),
    ):
        plan_spec(spec, tmp_path / "results", make_facts(engine=found))


def test_images_that_no_backend_names_any_more_are_old() -> None:
    tags = {
        "nobs:cpu": "a", "nobs:cpu-000000000001": "a", "nobs:cpu-000000000002": "b",
        "nobs:cuda-000000000003": "c", "nobs:mine": "d", "nobs:cpu-test": "e",
    }  # fmt: skip

    assert find_old_tags(tags) == ["nobs:cpu-000000000002", "nobs:cuda-000000000003"]


def test_a_pulled_image_replaces_the_build(tmp_path: Path) -> None:
    name = f"registry.example/nobs:cpu@sha256:{'0a' * 32}"
    request = make_request(tasks=("embeddings",), execution=Execution.CONTAINER, image=name)
    with stand_in_engine(tmp_path / "s") as engine, connect({"DOCKER_HOST": engine.url}) as found:
        made = make_plan(request, load_catalog(), make_facts(engine=found))

    assert made.is_pulled
    assert made.to_dict()["image"] == {"tag": name, "is_pulled": True}
    assert f"image      {name}, pulled" in render_plan(made.to_dict()).splitlines()
    assert made.container is not None
    assert made.container.image == name


def test_a_latency_promise_reaches_the_worker_in_its_container(tmp_path: Path) -> None:
    request = make_request(
        tasks=("llms",), profile="quick", execution=Execution.CONTAINER, results=tmp_path,
        image=f"registry.example/nobs@sha256:{'0a' * 32}", slo="ttft=1s,tpot=50ms@p99", rate=(2.0,),
    )  # fmt: skip
    with stand_in_engine(tmp_path / "s") as engine, connect({"DOCKER_HOST": engine.url}) as found:
        made = make_plan(request, load_catalog(), make_facts(engine=found))
    prepare_results(tmp_path)
    run_dir = make_run_dir(tmp_path, made.spec.run_id)
    run_dir.write(run_dir.spec_file, made.spec)
    (workload,) = typed_spec(run_dir.read_spec()).workloads

    assert made.container is not None
    assert run_dir.path in [mount.source for mount in made.container.mounts]
    assert isinstance(workload.params, ChatParams)
    assert workload.params.load == LoadParams(
        rates_per_s=(2.0,), slo=Promise(ttft_s=1.0, tpot_s=0.05, share=0.99)
    )
    said = " ".join(render_plan(made.to_dict()).split())
    assert "rates per s 2.0, arrivals poisson, seed 1, ttft 1 s, tpot 0.05 s, share 0.99" in said


def test_the_labels_of_a_pulled_image_are_compared(tmp_path: Path) -> None:
    name = f"registry.example/nobs@sha256:{'0a' * 32}"
    with (
        stand_in_engine(tmp_path / "s") as engine,
        connect({"DOCKER_HOST": engine.url}) as found,
        pytest.raises(UsageError, match=r"has no label nobs\.version"),
    ):
        pull_image(found, name, expected={"nobs.version": "1"}, on_output=print)
