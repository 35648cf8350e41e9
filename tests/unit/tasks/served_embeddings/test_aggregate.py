"""Figures of cells, from answers and from all repeats."""

import pytest

from nobs.tasks.chat.client.record import ChatFailure
from nobs.tasks.served_embeddings.aggregate import cell_run, figures_of
from nobs.tasks.served_embeddings.notices import flags_of
from nobs.tasks.served_embeddings.params import Load, ServedEmbeddingsParams
from nobs.tasks.served_embeddings.report import (
    CellRun,
    EmbeddingsCell,
    ServedEmbeddingsReport,
    ServedEmbeddingsRun,
)
from nobs.tasks.served_embeddings.vectors import Answer

LOAD = Load(inputs=4, concurrency=2, requests=3)


def answer(start_ms: float, end_ms: float, tokens: int | None = 20) -> Answer:
    return Answer(sent_ns=round(start_ms * 1e6), ended_ns=round(end_ms * 1e6), tokens=tokens)


def cell(duration_s: float, *latencies_s: float, requests: int = 0, **more: object) -> CellRun:
    values = {"inputs": 4, "concurrency": 2, "rows": 4 * len(latencies_s), "tokens": None}
    count = requests or len(latencies_s)
    return CellRun.model_validate(
        values | {"requests": count, "duration_s": duration_s, "latencies_s": latencies_s} | more
    )


def figures(*cells: CellRun) -> tuple[dict[str, object], EmbeddingsCell]:
    found = figures_of([ServedEmbeddingsRun(cells=(each,)) for each in cells], [LOAD], {})
    return found, found["cells"][0]


def test_a_cell_lasts_from_the_first_request_to_the_last_answer() -> None:
    found = cell_run(LOAD, [answer(0, 100), answer(10, 150), answer(100, 300)])

    assert (found.rows, found.duration_s, found.tokens) == (12, 0.3, 60)
    assert found.latencies_s == pytest.approx((0.1, 0.14, 0.2))


def test_failures_are_counted_by_class_and_have_no_latency() -> None:
    refused = Answer(sent_ns=0, ended_ns=1, failure=ChatFailure.HTTP_STATUS, status=429)
    found = cell_run(LOAD, [answer(0, 100), refused, None])

    assert found.failures == {"http-status": 1, "not-sent": 1}
    assert (found.requests, found.rows, len(found.latencies_s)) == (3, 4, 1)


def test_one_answer_without_usage_leaves_a_cell_without_tokens() -> None:
    assert cell_run(LOAD, [answer(0, 1), answer(0, 1, tokens=None)]).tokens is None


def test_rates_are_medians_over_repeats_with_an_interval() -> None:
    found, first = figures(
        cell(1.0, 0.2, 0.4, tokens=100), cell(2.0, 0.6, 0.8, tokens=100), cell(4.0, 1.0, 1.2)
    )

    assert first.rows_per_second == 4.0
    assert first.p50_latency_s == pytest.approx(0.7)
    assert first.rows_per_second_interval is not None
    assert (first.rows_per_second_interval.low, first.rows_per_second_interval.high) == (2.0, 8.0)
    assert found["final_median_rows_per_second"] == 4.0
    # One repeat has no usage.
    assert first.tokens_per_second is None


def test_tokens_per_second_follow_from_usage() -> None:
    assert figures(cell(2.0, 1.0, tokens=300))[1].tokens_per_second == 150


@pytest.mark.parametrize(("answers", "expected"), [(99, None), (100, 0.099)])
def test_a_99th_percentile_needs_100_answers(answers: int, expected: float | None) -> None:
    latencies = [number / 1000 for number in range(1, answers + 1)]

    assert figures(cell(10.0, *latencies))[1].p99_latency_s == expected


def test_a_cell_with_too_many_failures_has_no_figures() -> None:
    bad = cell(1.0, *[0.1] * 8, requests=10, failures={"http-status": 2})
    found, first = figures(bad)

    assert first.rows_per_second is None
    assert first.skipped == "2 of 10 requests failed"
    assert found["final_median_rows_per_second"] is None
    assert found["failures"] == {"http-status": 2}


def test_the_cell_with_the_highest_throughput_is_the_result() -> None:
    loads = [Load(inputs=1, concurrency=1, requests=2), LOAD]
    run = ServedEmbeddingsRun(
        cells=(cell(1.0, 0.4, 0.5, inputs=1, concurrency=1, rows=2), cell(1.0, 0.5, 0.6))
    )
    found = figures_of([run, run], loads, {})

    assert (found["best_inputs"], found["best_concurrency"]) == (4, 2)
    assert found["final_median_rows_per_second"] == 8
    assert found["final_median_latency_s"] == pytest.approx(0.45)


def test_a_busy_client_is_flagged_with_its_cells() -> None:
    busy = [cell(1.0, 0.2, client_cpu_share=share) for share in (0.95, 0.9, 0.1)]
    model = ServedEmbeddingsReport.model_validate(
        {"model_name": "m", "device": "cpu", "status": "ok", **figures(*busy)[0]}
    )

    assert model.cells[0].client_cpu_share == 0.9
    (flag,) = flags_of(model)
    assert flag.name == "client-limit"
    assert "4 x 2 at once" in flag.message


def test_a_cell_has_two_requests_per_client_and_enough_texts() -> None:
    params = ServedEmbeddingsParams(inputs=(1, 32), concurrency=(1, 8), min_rows=32)

    assert [(load.inputs, load.concurrency, load.requests) for load in params.loads()] == [
        (1, 1, 32), (32, 1, 2), (1, 8, 32), (32, 8, 16),
    ]  # fmt: skip
