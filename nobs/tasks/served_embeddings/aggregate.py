"""From the raw cells of all repeats to the figures of a served model; pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from statistics import median
from typing import Any

from nobs.schema.report import Interval
from nobs.stats import median_of
from nobs.tasks.chat.aggregate import MAX_FAILED_SHARE
from nobs.tasks.chat.client.record import p99_of
from nobs.tasks.served_embeddings.params import Load
from nobs.tasks.served_embeddings.report import CellRun, EmbeddingsCell, ServedEmbeddingsRun
from nobs.tasks.served_embeddings.vectors import Answer

NOT_SENT = "not-sent"
"""Requests left over when the server stopped answering."""


def name_of(load: Load | CellRun | EmbeddingsCell) -> str:
    """Return the key of a cell in reports."""
    return f"{load.inputs} x {load.concurrency}"


def cell_run(
    load: Load, answers: Sequence[Answer | None], client_cpu_share: float | None = None
) -> CellRun:
    """Return what one cell measured in one repeat."""
    sent = [answer for answer in answers if answer is not None]
    whole = [answer for answer in sent if answer.failure is None]
    starts = [answer.sent_ns for answer in sent if answer.sent_ns is not None]
    ends = [answer.ended_ns for answer in sent if answer.ended_ns is not None]
    failures = Counter(str(answer.failure) for answer in sent if answer.failure is not None)
    if unsent := len(answers) - len(sent):
        failures[NOT_SENT] = unsent
    counted = [answer.tokens for answer in whole if answer.tokens is not None]
    return CellRun(
        inputs=load.inputs,
        concurrency=load.concurrency,
        requests=len(answers),
        rows=len(whole) * load.inputs,
        duration_s=(max(ends) - min(starts)) / 1e9 if starts and ends else 0.0,
        latencies_s=tuple(latency for each in whole if (latency := each.latency_s) is not None),
        tokens=sum(counted) if whole and len(counted) == len(whole) else None,
        failures=dict(sorted(failures.items())),
        client_cpu_share=client_cpu_share,
    )


def figures_of(
    runs: Sequence[ServedEmbeddingsRun], loads: Sequence[Load], skipped: Mapping[str, str]
) -> dict[str, Any]:
    """Return the figures that follow from all repeats of the cells `loads`."""
    cells = [_cell(load, runs, skipped) for load in loads]
    rated = [cell for cell in cells if cell.rows_per_second is not None]
    best = max(rated, key=lambda cell: cell.rows_per_second or 0.0, default=None)
    single = next((cell for cell in cells if cell.p50_latency_s is not None), None)
    is_first = single is not None and single is cells[0]
    found = [cell for run in runs for cell in run.cells]
    return {
        "cells": tuple(cells),
        "final_median_rows_per_second": best and best.rows_per_second,
        "rows_per_second_interval": best and best.rows_per_second_interval,
        "best_inputs": best and best.inputs,
        "best_concurrency": best and best.concurrency,
        "final_median_tokens_per_second": best and best.tokens_per_second,
        "final_median_latency_s": single.p50_latency_s if single and is_first else None,
        "latency_interval": single.p50_latency_interval if single and is_first else None,
        "requests": sum(cell.requests for cell in found),
        "failures": _total(cell.failures for cell in found),
        "all_runs": tuple(runs),
    }


def _cell(
    load: Load, runs: Sequence[ServedEmbeddingsRun], skipped: Mapping[str, str]
) -> EmbeddingsCell:
    found = [cell for run in runs for cell in run.cells if _is_of(cell, load)]
    whole = EmbeddingsCell(
        inputs=load.inputs,
        concurrency=load.concurrency,
        skipped=skipped.get(name_of(load), ""),
        requests=sum(cell.requests for cell in found),
        failures=_total(cell.failures for cell in found),
        client_cpu_share=median_of(cell.client_cpu_share for cell in found),
    )
    failed = sum(whole.failures.values())
    if failed > MAX_FAILED_SHARE * whole.requests:
        return whole.model_copy(
            update={"skipped": whole.skipped or f"{failed} of {whole.requests} requests failed"}
        )
    timed = [cell for cell in found if cell.rows and cell.duration_s > 0]
    if not timed:
        return whole
    rates = [cell.rows / cell.duration_s for cell in timed]
    medians = [median(cell.latencies_s) for cell in timed]
    latencies = sorted(chain.from_iterable(cell.latencies_s for cell in timed))
    token_rates = [cell.tokens / cell.duration_s for cell in timed if cell.tokens is not None]
    return whole.model_copy(
        update={
            "rows_per_second": median(rates),
            "rows_per_second_interval": Interval.of_repeats(rates),
            "tokens_per_second": median(token_rates) if len(token_rates) == len(timed) else None,
            "p50_latency_s": median(medians),
            "p50_latency_interval": Interval.of_repeats(medians),
            "p99_latency_s": p99_of(latencies),
        }
    )


def rates_of(runs: Sequence[ServedEmbeddingsRun], inputs: int, concurrency: int) -> list[float]:
    """Return the rows per second of one cell in each repeat."""
    load = Load(inputs=inputs, concurrency=concurrency, requests=0)
    return [
        cell.rows / cell.duration_s
        for run in runs
        for cell in run.cells
        if _is_of(cell, load) and cell.duration_s > 0
    ]


def _is_of(cell: CellRun, load: Load) -> bool:
    return (cell.inputs, cell.concurrency) == (load.inputs, load.concurrency)


def _total(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))
