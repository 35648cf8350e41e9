"""Every task can be sustained, and rests: scripted servers, and the packaged image model."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nobs.data.texts import load_texts
from nobs.report.build import summarise
from nobs.runner.step import Recording, run_bench
from nobs.schema.pins import RepeatPolicy
from nobs.schema.report import ModelReport
from nobs.tasks import TASKS
from nobs.tasks.base import Work, import_part
from nobs.tasks.diffusion.files import open_pipeline
from tests.fakes.embed_server import embed_server
from tests.fakes.embed_work import embed_work
from tests.fakes.images import quick
from tests.fakes.llm_answers import stream, whole_server
from tests.fakes.llm_server import serving
from tests.fakes.llm_work import work as llm_work
from tests.fakes.pictures import pictures
from tests.fakes.runs import order
from tests.fakes.vision_server import VisionServer
from tests.fakes.vlm_work import work as vlm_work

type Prepare = Callable[[Path], Iterator[Work]]


def llms(directory: Path) -> Iterator[Work]:
    with serving(whole_server(stream(gap_s=0.001))) as server:
        yield llm_work(server.url, directory)


def vlms(directory: Path) -> Iterator[Work]:
    with serving(whole_server(VisionServer())) as server:
        yield vlm_work(server.url, directory, pictures()[:1])


def embeddings_served(directory: Path) -> Iterator[Work]:
    del directory
    with serving(embed_server()) as server:
        yield embed_work(server.url)


def diffusion(directory: Path) -> Iterator[Work]:
    import torch  # noqa: PLC0415 - takes seconds, and only the long tests need it

    plain = quick()
    params = plain.params.model_copy(update={"images": 1})
    workload = plain.model_copy(update={"params": params})
    (pin,) = workload.models
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Work(
        model=pin, inputs=load_texts(workload.dataset).rows, workload=workload,
        directory=directory, model_path=open_pipeline(pin).path, torch_device="cpu",
    )  # fmt: skip
    torch.set_num_threads(threads)


def measure(prepare: Prepare, policy: RepeatPolicy, directory: Path) -> ModelReport:
    """Do what a step does from loading to the report of the model."""
    with contextmanager(prepare)(directory) as work:
        workload = work.workload.model_copy(update={"policy": policy, "models": (work.model,)})
        spec = order(directory, workload, server=work.server).read_spec()
        recording = Recording(spec, spec.steps[0], directory, directory / "telemetry.jsonl")
        recording.values["environment"] = {}
        task = TASKS.load(workload.task)
        bench = import_part(task, task.bench)(work)
        try:
            run_bench(recording, bench, task, work.torch_device)
        finally:
            bench.close()
    return summarise(spec, spec.steps[0], recording.result(None))


MORE = (vlms, embeddings_served, diffusion)
TASKS_MADE = pytest.mark.parametrize(
    "prepare", [llms, *(pytest.param(each, marks=pytest.mark.long) for each in MORE)]
)


@TASKS_MADE
def test_a_task_is_sustained_with_all_its_repeats_by_quarter(
    prepare: Prepare, tmp_path: Path
) -> None:
    model = measure(prepare, RepeatPolicy(sustain_s=0.5), tmp_path)

    assert model.status == "ok", model.failure
    assert model.sustained
    assert model.sustained.quarters[0].start_s == 0.0
    assert sum(part.repeats for part in model.sustained.quarters) == len(model.samples) >= 3
    assert model.telemetry
    assert len(model.telemetry.parts) == 4


@TASKS_MADE
def test_a_task_rests_between_its_repeats_until_the_device_has_recovered(
    prepare: Prepare, tmp_path: Path
) -> None:
    policy = RepeatPolicy(repeats=3, rest_s=0.05, rest_until_recovered=True)
    model = measure(prepare, policy, tmp_path)
    first, *others = model.samples

    assert model.status == "ok", model.failure
    assert len(others) == 2
    assert first.rested_s == 0.0
    assert all(sample.rested_s > 0.0 for sample in others)
