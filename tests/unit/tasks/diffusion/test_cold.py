"""Cold starts of pipelines: what the process makes, and contradictions of starts."""

from pathlib import Path
from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.data.texts import load_texts
from nobs.schema.enums import Backend, Status
from nobs.schema.result import Sample
from nobs.tasks.base import Work
from nobs.tasks.cold.report import ColdStart, ColdStarts
from nobs.tasks.diffusion.cold_work import MakeImages
from nobs.tasks.diffusion.definition import DEFINITION
from nobs.tasks.diffusion.files import open_pipeline
from nobs.tasks.diffusion.report import DiffusionModelReport
from tests.fakes.images import MODEL
from tests.fakes.run_requests import pinned

pytestmark = pytest.mark.heavy

WORKLOAD = pinned("diffusion", "cold-quick")


def start(**changes: Any) -> ColdStart:
    values = {
        "first_result_s": 8.0, "interpreter_s": 0.1, "import_s": 6.0, "load_s": 0.9,
        "first_pass_s": 1.0, "steady_pass_s": 0.2, "weights_cached": 0.0,
    }  # fmt: skip
    return ColdStart(**values | changes)


def model(*starts: ColdStart, units: int = 1, **changes: Any) -> DiffusionModelReport:
    return DiffusionModelReport(
        model_name=MODEL, device=Backend.CPU, status=Status.OK,
        cold=ColdStarts.of(starts) if starts else None,
        samples=tuple(
            Sample(start_s=10.0 * n, duration_s=9.0, units=units, cpu_time_s=8.0)
            for n in range(max(1, len(starts)))
        ),
        **changes,
    )  # fmt: skip


def faults(found: DiffusionModelReport) -> str:
    return "; ".join(DEFINITION.find_contradictions(found, WORKLOAD))


@pytest.mark.long
def test_the_process_makes_the_images_of_the_quick_workload_one_by_one(tmp_path: Path) -> None:
    directory = tmp_path / "steps" / "one"
    pin = load_catalog().models[MODEL]
    work = MakeImages(
        Work(
            model=pin, inputs=load_texts(WORKLOAD.dataset).rows, workload=WORKLOAD,
            model_path=open_pipeline(pin).path, torch_device="cpu", directory=directory,
        )
    )  # fmt: skip
    work.load()
    for _ in range(6):
        work.compute()
    facts = work.facts()

    assert (facts["images"], facts["batch_size"], facts["all_runs"]) == (6, 1, [])
    assert facts["pictures"]["compared"] == 6
    assert len(list(directory.glob("*.png"))) == 6
    assert faults(model(start(), recipe=facts["recipe"], images=6, batch_size=1)) == ""


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (model(), "cold is missing"),
        (model(start(import_s=1.0)), "parts of start 1 don't add up"),
        (model(start(), units=6), "aren't the one first image"),
        (model(start(), images=5), "images is 5, but the workload asks for 6"),
        (model(start(), batch_size=2), "batch_size is 2, but the workload asks for 1"),
    ],
)
def test_starts_that_contradict_the_workload_are_named(
    found: DiffusionModelReport, message: str
) -> None:
    assert message in faults(found)


def test_the_parts_of_the_median_start_are_shown() -> None:
    (line,) = DEFINITION.details(model(start()))

    assert line == (
        "  cold start: interpreter 100 ms, imports 6.00 s, weights 900 ms, first pass 1.00 s"
    )
