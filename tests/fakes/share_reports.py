"""Reports of clients that drove shares of one load, made of known requests."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from nobs.catalog import load_catalog
from nobs.launch.planning.plan import make_plan
from nobs.report.build import build_report
from nobs.schema.enums import Execution, Status
from nobs.schema.report import Report
from nobs.schema.result import DataEvidence, Phases, Sample, StepResult
from nobs.schema.server import Locality, ServerRef
from nobs.schema.share import Share
from nobs.tasks.chat.client.record import ChatRecord
from nobs.tasks.chat.client_cost import ClientCost
from nobs.tasks.chat.levels import Level, part_of
from nobs.tasks.chat.load_figures import level_figures
from nobs.tasks.chat.load_report import LoadLevel, LoadTable
from nobs.tasks.chat.params import LoadParams
from nobs.tasks.chat.raw import pack
from nobs.tasks.chat.server_report import ServerMetrics
from nobs.tasks.chat.share_report import LoadShare, ServerClock
from nobs.tasks.llms.params import LlmParams
from tests.fakes.facts import make_facts
from tests.fakes.llm_records import answered
from tests.fakes.llm_results import whole
from tests.fakes.run_requests import make_request

START = datetime(2026, 1, 2, 3, 10, tzinfo=UTC)
URL = "http://10.0.0.1:8000/v1"
CLOCK = ServerClock(low_s=-0.6, high_s=0.5, answers=10)
COST = ClientCost(processes=1, cpu_share=0.1, cpu_cores=0.1, lag_mean_s=0.0, lag_p99_s=0.0)
STREAMS = 8

type Records = Sequence[ChatRecord]
type Change = Callable[[LoadTable], LoadTable]


def requests_of(index: int, count: int = 3, number: int = 30) -> list[ChatRecord]:
    """Return every `count`-th of `number` requests, which are all different."""
    return [
        answered(100 * n, 50 + n, 90 + 3 * n, 500 + 7 * n, tokens=10 + n % 3, input_tokens=20 + n)
        for n in range(number)
        if n % count == index
    ]


def share_table(
    share: Share, records: Records, *, start_ns: int = 0, clock: ServerClock | None = CLOCK,
    step_s: float = 0.0, started_s: float | None = None,
) -> LoadTable:  # fmt: skip
    """Return the load of one client, whose monotonic clock was `start_ns` at the start."""
    level = level_figures(part_of(share, Level(concurrency=STREAMS)), records)
    return LoadTable(
        levels=(level.model_copy(update={"client": COST}),), arrivals="poisson", seed=1, knee=None,
        share=LoadShare(
            share=share, clock=clock, clock_step_s=step_s, server_started_s=started_s,
            raw=(pack(records, start_ns),),
        ),
    )  # fmt: skip


def union(records: Records, streams: int = STREAMS) -> LoadLevel:
    """Return what one client would report that sent all `records`."""
    return level_figures(Level(concurrency=streams), records)


def share_report(
    index: int, records: Records | None = None, *, count: int = 3, url: str = URL,
    start: datetime = START, slot_s: float = 60.0, run: str = "", change: Change | None = None,
    metrics: ServerMetrics | None = None, **table: Any,
) -> Report:  # fmt: skip
    """Return the report of one client; `change` is made to its load."""
    share = Share(index=index, count=count, start=start, slot_s=slot_s)
    request = make_request(
        tasks=("llms",), execution=Execution.NATIVE, profile="quick", repeats=1, llm_url=url
    )
    spec = make_plan(request, load_catalog(), make_facts()).spec
    workload, step = spec.workloads[0], spec.steps[0]
    params = LlmParams(
        max_output_tokens=64, load=LoadParams(concurrency=(STREAMS,), share=share)
    )  # fmt: skip
    workload = workload.model_copy(
        update={"params": params, "open_reasons": ("params.load: of a test",)}
    )
    run = run or f"20260102T030405Z-client{index}"
    update = {"workloads": (workload,), "run_id": run, "node": f"c{index}"}
    spec = spec.model_copy(update=update)
    load = share_table(share, requests_of(index) if records is None else records, **table)
    load = change(load) if change else load
    rows = workload.dataset.rows
    answers = [whole(number, 2.0, 1.0, 50) for number in range(1, rows + 1)]
    server = ServerRef(provider="openai", base_url=url, model=step.model.id,
                       locality=Locality.REMOTE, locality_reason="another host")  # fmt: skip
    result = StepResult(
        step=step.id, task="llms", model=step.model.id, status=Status.OK,
        started=spec.created, finished=spec.created + timedelta(minutes=9),
        samples=(Sample(start_s=0.0, duration_s=2.5 * rows, units=50 * rows, cpu_time_s=0.0),),
        phases=Phases(measure_s=3.0 * rows),
        data=DataEvidence(rows=rows, rows_sha256=workload.dataset.rows_sha256, rows_verified=True),
        facts={
            "runs": [answers], "server": server.model_dump(mode="json"),
            "load": load.model_dump(mode="json"), "max_output_tokens": 64, "temperature": 0.0,
            "server_metrics": metrics.model_dump(mode="json") if metrics else None,
        },
    )  # fmt: skip
    return build_report(spec, {step.id: result}, finished=True)
