"""Contradictions in the report of an embedding model."""

import math
from collections.abc import Iterator

from nobs.schema.enums import Status
from nobs.schema.pins import Workload
from nobs.tasks.cold.lines import find_cold_contradictions
from nobs.tasks.contradictions import check_device
from nobs.tasks.fit.lines import find_fit_contradictions
from nobs.tasks.text_embeddings.params import (
    EmbeddingsColdParams,
    EmbeddingsFitParams,
    EmbeddingsMaxParams,
    EmbeddingsParams,
)
from nobs.tasks.text_embeddings.report import (
    COSINE_THRESHOLDS,
    EmbeddingsModelReport,
    EncodePhases,
    ReferenceCheck,
)

ROUNDING = 1e-9


def find_contradictions(model: EmbeddingsModelReport, workload: Workload) -> Iterator[str]:
    """Yield unmet parameters, impossible token counts, utilisations above 100 % and the like."""
    rows = model.rows_per_pass or workload.dataset.rows
    if isinstance(workload.params, EmbeddingsParams | EmbeddingsMaxParams):
        yield from _check_params(model, workload.params)
        if rows not in _allowed_rows(workload.dataset.rows, workload.params):
            yield f"rows_per_pass is {rows}, but the data set has {workload.dataset.rows} rows"
    yield from _check_processes(model, workload)
    if any(sample.units != rows for sample in model.samples):
        yield f"the units of a sample aren't the {rows} rows of a pass"
    yield from _check_parameters(model, workload)
    if model.tokens is not None:
        yield from _check_tokens(model, model.tokens, rows)
    yield from _check_utilisation(model)
    if model.encode_phases is not None:
        yield from _check_phases(model.encode_phases, rows, model.batch_size)
    if model.dtype is not None and model.status is Status.OK:
        yield from check_device(model, model.parameter_device, model.dtype)
        if model.reference is not None:
            yield from _check_reference(model.reference, COSINE_THRESHOLDS[model.dtype], rows)


def _check_processes(model: EmbeddingsModelReport, workload: Workload) -> Iterator[str]:
    """Yield contradictions of workloads whose repeats are processes of their own."""
    if isinstance(workload.params, EmbeddingsColdParams):
        yield from find_cold_contradictions(model, model.cold)
    if isinstance(workload.params, EmbeddingsFitParams):
        sizes = workload.params.batch_sizes
        yield from find_fit_contradictions(model, model.fit, sizes, by="batch size")


def check_output(model: EmbeddingsModelReport) -> Iterator[str]:
    """Yield that embeddings differ from the stored ones by more than rounding."""
    lowest = model.reference.lowest_cosine if model.reference else None
    if lowest is None or model.dtype is None:
        return
    least = COSINE_THRESHOLDS[model.dtype]
    if not least <= lowest <= 1 + ROUNDING:
        yield f"An embedding has cosine {lowest:.6f} to its reference; the minimum is {least}."


def _check_reference(check: ReferenceCheck, least: float, rows: int) -> Iterator[str]:
    """Yield contradictions in the comparison with stored embeddings."""
    lowest, given = check.lowest_cosine, check.threshold
    if (lowest is None) != (check.rows == 0) or not 0 <= check.rows <= rows:
        yield f"reference.rows is {check.rows} of {rows}, reference.lowest_cosine {lowest}"
    if lowest is None:
        return
    if given is None or given < least:
        yield f"reference.threshold is {given}, but this dtype requires {least}"


def _allowed_rows(rows: int, params: EmbeddingsParams | EmbeddingsMaxParams) -> range:
    """Return the allowed rows per pass: whole copies of the data set, up to `min_rows`."""
    copies = -(-params.min_rows // rows) if isinstance(params, EmbeddingsMaxParams) else 1
    return range(rows, rows * copies + 1, rows)


def _check_params(
    model: EmbeddingsModelReport, params: EmbeddingsParams | EmbeddingsMaxParams
) -> Iterator[str]:
    for name in ("dtype", "max_seq_length", "batch_size"):
        found, asked = getattr(model, name), getattr(params, name)
        if found is None or asked is None or found == asked:
            continue
        if name != "max_seq_length" or found > asked:
            yield f"{name} is {found}, but the workload asks for {asked}"


def _check_parameters(model: EmbeddingsModelReport, workload: Workload) -> Iterator[str]:
    """Yield another number of random weights than that of the architecture."""
    found = model.parameters
    for pin in workload.models if found is not None else ():
        architecture = pin.random.architecture if pin.random else None
        if architecture and pin.id == model.model_name and found != architecture.parameters:
            yield f"it has {found} parameters, its architecture {architecture.parameters}"


def _check_tokens(model: EmbeddingsModelReport, tokens: int, rows: int) -> Iterator[str]:
    """Yield impossible counts; without a transformer a text may have no tokens."""
    longest = model.max_seq_length
    least = 1 if model.encoder is None or model.encoder.architecture else 0
    if tokens < least * rows or (longest is not None and tokens > rows * longest):
        yield f"{tokens} tokens can't be those of {rows} rows of {least} to {longest} tokens"
    if model.padded_tokens is not None and model.padded_tokens < tokens:
        yield f"padded_tokens is {model.padded_tokens}, below {tokens} tokens"
    if model.truncated_rows is not None and not 0 <= model.truncated_rows <= rows:
        yield f"{model.truncated_rows} of {rows} rows can't be truncated"


def _check_phases(phases: EncodePhases, rows: int, batch_size: int | None) -> Iterator[str]:
    parts = (phases.tokenise_s, phases.copy_in_s, phases.copy_out_s, phases.other_s)
    host_s = sum(parts)
    if min(*parts, phases.forward_s) < 0:
        yield "a phase of encode_phases is below 0"
    elif not math.isclose(phases.host_share * (host_s + phases.forward_s), host_s, rel_tol=1e-6):
        yield "encode_phases.host_share isn't the share outside forward_s"
    if phases.rows > rows or phases.batches > phases.all_batches:
        yield "encode_phases covers more than a pass"
    if batch_size is None:
        return
    if phases.all_batches != -(-rows // batch_size) or phases.rows > phases.batches * batch_size:
        yield f"encode_phases.all_batches doesn't match {rows} rows in batches of {batch_size}"


def _check_utilisation(model: EmbeddingsModelReport) -> Iterator[str]:
    """Yield utilisations above 100 %: then time, FLOPs or peak are wrong."""
    if model.work is not None and model.work.padded_flop < model.work.model_flop * (1 - ROUNDING):
        yield "work.padded_flop is below work.model_flop"
    for name in ("mfu", "mfu_padded", "mfu_data_sheet", "mbu_min") if model.utilisation else ():
        share = getattr(model.utilisation, name)
        if share is not None and not 0 <= share <= 1 + ROUNDING:
            yield f"utilisation.{name} is {share:.1%}, outside 0 to 100 %"
