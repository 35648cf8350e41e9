"""Memory by batch size: real processes with the packaged pipeline."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.data.texts import load_texts
from nobs.errors import NobsError
from nobs.schema.enums import Backend, Status
from nobs.schema.pins import Workload
from nobs.tasks.base import Work
from nobs.tasks.diffusion.bench import make_bench
from nobs.tasks.diffusion.consistency import find_contradictions
from nobs.tasks.diffusion.files import open_pipeline
from nobs.tasks.diffusion.params import DiffusionFitParams
from nobs.tasks.diffusion.report import DiffusionModelReport
from nobs.tasks.fit.report import Fit, Stop
from nobs.tasks.parameters import typed

pytestmark = pytest.mark.heavy

WORKLOAD = typed(load_catalog().workloads["diffusion-fit-quick/1"])
SIZES = (1, 64)
GIB = 1 << 30


def params() -> DiffusionFitParams:
    assert isinstance(WORKLOAD.params, DiffusionFitParams)
    return WORKLOAD.params


def workload(**changes: Any) -> Workload:
    changed = params().model_copy(update={"batch_sizes": SIZES, **changes})
    return WORKLOAD.model_copy(update={"params": changed})


def measure(directory: Path, **changes: Any) -> Mapping[str, Any]:
    (pin,) = WORKLOAD.models
    bench = make_bench(
        Work(model=pin, inputs=load_texts(WORKLOAD.dataset).rows, workload=workload(**changes),
             directory=directory, model_path=open_pipeline(pin).path, torch_device="cpu")
    )  # fmt: skip
    bench.load()
    bench.run()
    return bench.facts()


@pytest.mark.long
def test_memory_grows_with_the_batch_in_processes_of_their_own(tmp_path: Path) -> None:
    facts = measure(tmp_path)
    fit = Fit.model_validate(facts["fit"])
    (growth,) = fit.growths

    assert [point.size for point in growth.points] == [*SIZES]
    assert (growth.stopped_by, fit.unit, fit.place) == (Stop.LARGEST, "images", "memory")
    assert fit.final_median_slope_bytes is not None
    assert fit.final_median_slope_bytes > 0
    assert growth.loaded_bytes > growth.before_bytes
    assert fit.estimate is not None
    assert fit.estimate.weights_bytes == 4 * sum(facts["parameters"].values())
    assert (facts["dtype"], facts["pipeline"]) == ("float32", "StableDiffusionPipeline")


@pytest.mark.long
def test_a_batch_that_would_exceed_the_free_memory_is_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nobs.tasks.fit.bench.free_memory", lambda: 4 * GIB)

    fit = Fit.model_validate(measure(tmp_path, batch_sizes=(1, 1 << 20))["fit"])
    (growth,) = fit.growths

    assert (growth.stopped_by, growth.stopped_at, fit.largest) == (Stop.LIMIT, 1 << 20, 1)
    assert growth.why.endswith("3.2 GiB are allowed")


def test_a_pipeline_that_cannot_fit_is_never_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nobs.tasks.fit.bench.free_memory", lambda: 1 << 20)

    with pytest.raises(NobsError, match=r"would need about .* 819\.2 KiB are allowed"):
        measure(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "fit is missing"),
        ({"dtype": "float16"}, "dtype is float16, but the workload asks for float32"),
        ({"vae_dtype": "float16"}, "vae_dtype is float16, but the workload asks for float32"),
    ],
)
def test_a_report_that_contradicts_its_workload_is_named(
    changes: dict[str, Any], message: str
) -> None:
    model = DiffusionModelReport(
        model_name="nobs/tiny-digits", device=Backend.CPU, status=Status.OK, **changes
    )

    assert message in "; ".join(find_contradictions(model, WORKLOAD))
