"""Memory by context length: real servers of llama.cpp with the weights of a package."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nobs.catalog import load_catalog
from nobs.errors import RequirementError
from nobs.providers.weights import packaged_pin
from nobs.schema.server import ModelIdentity
from nobs.tasks.base import Work
from nobs.tasks.fit.report import Fit, Stop
from nobs.tasks.llms.bench import open_bench
from nobs.tasks.llms.params import LlmFitParams
from tests.fakes.llm_work import served_work

KV_BYTES = 30 * 3 * (64 + 64) * 2
"""Per token: layers, KV heads, numbers of a key and a value, float16."""
PASSAGES = tuple(f"Passage {number} of a long story about the sea. " for number in range(50))


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads of OpenMP wait for each other where other tests have the cores."""
    monkeypatch.setattr("nobs.tasks.llms.fit_bench.usable_physical_cores", lambda: 1)


def fit_work(directory: Path, sha256: str | None, **params: Any) -> Work:
    pin = packaged_pin()
    plain = served_work("http://127.0.0.1:9/v1", directory, pin.id)
    assert plain.server is not None
    identity = ModelIdentity(id=pin.id, weights_sha256=sha256)
    workload = load_catalog().workloads["llms-fit-quick/1"]
    return replace(
        plain, model=pin, inputs=PASSAGES,
        workload=workload.model_copy(update={"params": LlmFitParams(**params)}),
        server=plain.server.model_copy(update={"identity": identity}),
    )  # fmt: skip


def measure(directory: Path, **params: Any) -> Fit:
    bench = open_bench(fit_work(directory, packaged_pin().weights_sha256, **params))
    try:
        bench.load()
        bench.run()
        return Fit.model_validate(bench.facts()["fit"])
    finally:
        bench.close()


@pytest.mark.long
def test_memory_grows_with_the_context_by_the_cache_and_little_more(tmp_path: Path) -> None:
    fit = measure(tmp_path, context_lengths=(256, 768), output_tokens=4)
    (growth,) = fit.growths

    assert fit.estimate is not None
    assert fit.estimate.slope_bytes == 1000 * KV_BYTES
    assert (growth.stopped_by, [point.size for point in growth.points]) == (
        Stop.LARGEST, [256, 768],
    )  # fmt: skip
    assert fit.final_median_slope_bytes is not None
    assert 0.9 < fit.final_median_slope_bytes / fit.estimate.slope_bytes < 2
    assert growth.loaded_bytes > growth.before_bytes + 0.5 * fit.estimate.weights_bytes


@pytest.mark.long
def test_a_context_that_does_not_fit_is_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nobs.tasks.fit.bench.free_memory", lambda: 400 << 20)

    fit = measure(tmp_path, context_lengths=(256, 8192), output_tokens=4)
    (growth,) = fit.growths

    assert (growth.stopped_by, growth.stopped_at, fit.largest) == (Stop.LIMIT, 8192, 256)
    assert growth.why.endswith("320.0 MiB are allowed")


@pytest.mark.long
def test_a_context_beyond_that_of_the_model_is_not_tried(tmp_path: Path) -> None:
    fit = measure(tmp_path, context_lengths=(256, 16384), output_tokens=4)
    (growth,) = fit.growths

    assert (growth.stopped_by, growth.stopped_at, fit.largest) == (Stop.MODEL, 16384, 256)
    assert growth.why == "the model was trained with 8,192 tokens"


def test_a_server_that_nobs_did_not_start_is_refused(tmp_path: Path) -> None:
    work = fit_work(tmp_path, None, context_lengths=(256, 512))

    with pytest.raises(RequirementError, match=r"http://127\.0\.0\.1:9/v1 can't be read") as caught:
        open_bench(work)

    assert "Leave out --llm-url" in caught.value.remedy
