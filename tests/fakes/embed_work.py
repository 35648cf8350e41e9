"""The work of served embeddings against a scripted server."""

from pathlib import Path
from typing import Any

from nobs.catalog import load_catalog
from nobs.data.texts import load_texts
from nobs.schema.enums import Backend, Status
from nobs.schema.pins import RepeatPolicy, Source, Workload
from nobs.schema.report import ModelReport
from nobs.schema.result import Sample, StepResult
from nobs.schema.server import Connection, Locality, ModelIdentity, ServerRef
from nobs.tasks.base import Work
from nobs.tasks.served_embeddings.bench import ServedEmbeddingsBench
from nobs.tasks.served_embeddings.check import find_suspicions
from nobs.tasks.served_embeddings.definition import DEFINITION
from nobs.tasks.served_embeddings.params import ServedEmbeddingsParams
from nobs.tasks.served_embeddings.report import ServedEmbeddingsReport
from nobs.tasks.served_embeddings.texts import cut_texts
from tests.fakes.embed_server import MODEL, Change, embed_server
from tests.fakes.llm_server import serving
from tests.fakes.results import NOW

WAIT_S = 20.0
TEXTS = cut_texts(load_texts(load_catalog().datasets["nobs/austen-passages"]).rows)
"""Texts of the published workloads, in the order of requests."""


def embed_work(
    url: str,
    model: str = MODEL,
    identity: ModelIdentity | None = None,
    wait_s: float = WAIT_S,
    **params: Any,
) -> Work:
    """Return the work of a step with small cells, on the pinned texts."""
    catalog = load_catalog()
    wanted = {"inputs": (1, 4), "concurrency": (1, 2), "min_rows": 32} | params
    workload = Workload(
        name="embeddings-served-test", version=1, task="embeddings-served",
        dataset=catalog.datasets["nobs/austen-passages"], models=(),
        params=ServedEmbeddingsParams(**wanted), policy=RepeatPolicy(repeats=2),
    )  # fmt: skip
    server = ServerRef(
        provider="openai", base_url=url, model=model, locality=Locality.LOCAL, identity=identity
    )
    pin = catalog.models["all-MiniLM-L6-v2"].model_copy(update={"id": model})
    assert pin.source is Source.SERVER
    return Work(
        model=pin, inputs=load_texts(workload.dataset).rows, workload=workload,
        directory=Path(), server=server,
        connection=Connection(base_url=url, request_timeout_s=wait_s),
    )  # fmt: skip


def measure(work: Work, repeats: int = 2) -> ServedEmbeddingsReport:
    """Do what a step does and return the report of the model."""
    bench = ServedEmbeddingsBench(work)
    try:
        bench.load()
        bench.warm_up()
        units = [bench.run() for _ in range(repeats)]
        bench.measure_extra()
        facts = bench.facts()
    finally:
        bench.close()
    return report_of(facts, units)


def result_of(facts: dict[str, Any], units: list[int]) -> StepResult:
    """Return the result of a step with these facts, of a minute per repeat."""
    samples = tuple(
        Sample(start_s=0.0, duration_s=60.0, units=count, cpu_time_s=0.0) for count in units
    )
    return StepResult(
        step="01", task=DEFINITION.name, model=MODEL, status=Status.OK, started=NOW, finished=NOW,
        samples=samples, facts=facts,
    )  # fmt: skip


def report_of(facts: dict[str, Any], units: list[int]) -> ServedEmbeddingsReport:
    """Return the report of the model."""
    result = result_of(facts, units)
    base = ModelReport(
        model_name=MODEL, device=Backend.CPU, status=Status.OK, samples=result.samples
    )
    return DEFINITION.summarise(result, base)


def run(change: Change | None = None, **words: Any) -> ServedEmbeddingsReport:
    """Return the report of a step against a server whose answers `change` alters."""
    with serving(embed_server(change=change)) as server:
        return measure(embed_work(server.url, **words))


def reasons(model: ServedEmbeddingsReport) -> list[str]:
    """Return why a result is open."""
    return list(DEFINITION.find_open_reasons(model, embed_work("http://x:1/v1").workload))


def suspicions(model: ServedEmbeddingsReport) -> list[str]:
    """Return why vectors are suspect."""
    assert model.check is not None
    return list(find_suspicions(model.check))
