"""The work of a VLM step against a scripted server."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nobs.schema.enums import Backend, Status
from nobs.schema.pins import DatasetPin, ModelPin, RepeatPolicy, Source, Workload
from nobs.schema.report import ModelReport
from nobs.schema.result import Sample, StepResult
from nobs.schema.server import Connection, Locality, ServerRef
from nobs.tasks.base import Work
from nobs.tasks.vlms.bench import VlmBench
from nobs.tasks.vlms.definition import DEFINITION
from nobs.tasks.vlms.params import VlmParams, VlmsColdParams
from nobs.tasks.vlms.pictures import Picture
from nobs.tasks.vlms.report import VlmModelReport
from tests.fakes.llm_answers import MODEL, whole_server
from tests.fakes.llm_server import Choose, serving

NOW = datetime(2026, 1, 2, tzinfo=UTC)
WAIT_S = 20.0


def workload(rows: int, source: Source = Source.PACKAGE, **params: Any) -> Workload:
    return Workload(
        name="vlms-test", version=1, task="vlms",
        dataset=DatasetPin(id="pictures", source=source, rows=rows), models=(),
        params=VlmParams(**{"max_output_tokens": 16, **params}), policy=RepeatPolicy(repeats=3),
    )  # fmt: skip


def work(url: str, directory: Path, pictures: Sequence[Picture], **params: Any) -> Work:
    server = ServerRef(provider="openai", base_url=url, model=MODEL, locality=Locality.LOCAL)
    return Work(
        model=ModelPin(id=MODEL, source=Source.SERVER), inputs=tuple(pictures),
        workload=workload(len(pictures), **params), directory=directory, server=server,
        connection=Connection(base_url=url, request_timeout_s=WAIT_S),
    )  # fmt: skip


def cold_work(server: ServerRef, directory: Path, pictures: Sequence[Picture]) -> Work:
    """Two short answers about the first picture after each start of a server."""
    plain = work(server.base_url, directory, pictures)
    params = VlmsColdParams(max_output_tokens=8)
    return replace(
        plain,
        workload=plain.workload.model_copy(update={"params": params}),
        server=server,
        connection=Connection(base_url=server.base_url, request_timeout_s=60),
    )


def measure(
    url: str, directory: Path, pictures: Sequence[Picture], repeats: int = 2, **params: Any
) -> tuple[dict[str, Any], list[int]]:
    """Do what a step does but for measuring the client's error, which takes a second.

    Return the facts and the units of each repeat.
    """
    bench = VlmBench(work(url, directory, pictures, **params))
    try:
        bench.warm_up()
        units = []
        for _ in range(repeats):
            bench.synchronize()
            units.append(bench.run())
            bench.synchronize()
        bench.measure_extra()
        return bench.facts(), units
    finally:
        bench.close()


def report_on(
    answer: Choose, directory: Path, pictures: Sequence[Picture], repeats: int = 2, **params: Any
) -> VlmModelReport:
    """Return the figures of a step against a server that answers chats with `answer`."""
    with serving(whole_server(answer)) as server:
        facts, units = measure(server.url, directory, pictures, repeats, **params)
    return report_of(facts, units)


def report_of(facts: dict[str, Any], units: Sequence[int]) -> VlmModelReport:
    """Return the figures of a step with `facts`, whose repeats had `units`."""
    samples = [Sample(start_s=0, duration_s=60, units=number, cpu_time_s=0) for number in units]
    result = StepResult(
        step="01", task="vlms", model=MODEL, status=Status.OK, started=NOW, finished=NOW,
        samples=tuple(samples), facts=facts,
    )  # fmt: skip
    base = ModelReport(
        model_name=MODEL, device=Backend.CPU, status=Status.OK, samples=tuple(samples)
    )
    report = DEFINITION.summarise(result, base)
    assert isinstance(report, VlmModelReport)
    return report
