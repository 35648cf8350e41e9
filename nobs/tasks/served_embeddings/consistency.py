"""Contradictions in the report of a served model of embeddings."""

from collections.abc import Iterator

from nobs.schema.enums import Status
from nobs.schema.pins import Workload
from nobs.tasks.served_embeddings.aggregate import name_of
from nobs.tasks.served_embeddings.check import STORED_THRESHOLD, has_model
from nobs.tasks.served_embeddings.params import Load, ServedEmbeddingsParams
from nobs.tasks.served_embeddings.report import CellRun, ServedEmbeddingsReport, VectorCheck

ROUNDING = 1e-6


def find_contradictions(model: ServedEmbeddingsReport, workload: Workload) -> Iterator[str]:
    """Yield cells that aren't the workload's, impossible times and counts, and missing checks."""
    if model.status is not Status.OK:
        return
    if isinstance(workload.params, ServedEmbeddingsParams):
        yield from _check_cells(model, workload.params)
    for number, run in enumerate(model.all_runs, start=1):
        for cell in run.cells:
            for fault in _faults_of(cell):
                yield f"repeat {number}, cell {name_of(cell)}: {fault}"
    yield from _check_samples(model)
    if model.check is None:
        yield "check is missing"
        return
    yield from _check_vectors(model, model.check)


def _check_cells(model: ServedEmbeddingsReport, params: ServedEmbeddingsParams) -> Iterator[str]:
    loads = {name_of(load): load for load in params.loads()}
    if [*map(name_of, model.cells)] != [*loads]:
        yield f"cells are {', '.join(map(name_of, model.cells))}, but the workload has others"
    for number, run in enumerate(model.all_runs, start=1):
        for cell in run.cells:
            yield from _check_load(cell, loads.get(name_of(cell)), number)
    measured = {name_of(cell) for run in model.all_runs for cell in run.cells}
    if absent := [name for name in loads if name not in measured and name not in model.skipped]:
        yield f"cells {', '.join(absent)} are neither measured nor left out"


def _check_load(cell: CellRun, load: Load | None, number: int) -> Iterator[str]:
    wanted = load.requests if load else 0
    if cell.requests != wanted:
        yield (
            f"repeat {number}, cell {name_of(cell)}: {cell.requests} requests, but the workload has"
            f" {wanted}"
        )


def _faults_of(cell: CellRun) -> Iterator[str]:
    """Yield what can't be: a closed loop keeps no more requests in flight than it has clients."""
    answered, failed = len(cell.latencies_s), sum(cell.failures.values())
    if answered + failed != cell.requests:
        yield f"{answered} answers and {failed} failures of {cell.requests} requests"
    if cell.rows != answered * cell.inputs:
        yield f"{cell.rows} rows of {answered} answers with {cell.inputs} texts"
    if not cell.latencies_s:
        return
    if min(cell.latencies_s) <= 0 or max(cell.latencies_s) > cell.duration_s * (1 + ROUNDING):
        yield "a latency is 0 or longer than the cell"
    if sum(cell.latencies_s) > cell.concurrency * cell.duration_s * (1 + ROUNDING):
        yield f"more than {cell.concurrency} requests were in flight"
    if cell.client_cpu_share is not None and cell.client_cpu_share < 0:
        yield f"client_cpu_share is {cell.client_cpu_share}"
    if cell.tokens is not None and cell.tokens < cell.rows:
        yield f"{cell.tokens} tokens of {cell.rows} rows"


def _check_samples(model: ServedEmbeddingsReport) -> Iterator[str]:
    for number, (sample, run) in enumerate(
        zip(model.samples, model.all_runs, strict=False), start=1
    ):
        if sample.units != sum(cell.rows for cell in run.cells):
            yield f"repeat {number} has {sample.units} units, but its cells have other rows"
        if sum(cell.duration_s for cell in run.cells) > sample.duration_s * (1 + ROUNDING):
            yield f"repeat {number} is shorter than its cells"
    if len(model.samples) != len(model.all_runs):
        yield f"{len(model.samples)} samples of {len(model.all_runs)} repeats"


def _check_vectors(model: ServedEmbeddingsReport, check: VectorCheck) -> Iterator[str]:
    rows = sum(cell.rows for run in model.all_runs for cell in run.cells)
    if check.vectors != rows:
        yield f"check.vectors is {check.vectors}, but {rows} texts have vectors"
    if check.dimension != model.embedding_dimension:
        yield f"check.dimension is {check.dimension}, not {model.embedding_dimension}"
    if not 0 <= check.related_right <= check.related:
        yield f"check.related_right is {check.related_right} of {check.related}"
    if (check.alone == 0) != (check.lowest_alone_cosine is None):
        yield f"check.lowest_alone_cosine is {check.lowest_alone_cosine} of {check.alone} texts"
    failures = {name: model.failures.get(name, 0) for name in check.wrong}
    if failures != check.wrong:
        yield "check.wrong has other counts than failures"
    stored = check.stored
    if stored is None:
        return
    if (stored.rows == 0) != (stored.lowest_cosine is None) or not 0 <= stored.rows <= rows:
        yield f"check.stored.rows is {stored.rows}, lowest_cosine {stored.lowest_cosine}"
    if stored.threshold < STORED_THRESHOLD:
        yield f"check.stored.threshold is {stored.threshold}, not {STORED_THRESHOLD}"
    if model.server and stored.expected != has_model(stored.model, model.model_name, model.server):
        yield f"check.stored.expected is {stored.expected} of {model.server.model}"
