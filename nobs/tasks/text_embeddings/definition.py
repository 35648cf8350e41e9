"""`embeddings`: rows per second of sentence-transformers models on real texts."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from nobs.schema.enums import Backend, Status
from nobs.schema.pins import Params
from nobs.schema.report import Interval, ModelReport
from nobs.schema.result import StepResult
from nobs.tasks.base import TaskDefinition
from nobs.tasks.cold.lines import cold_line, cold_warnings
from nobs.tasks.energy import joules_per_1000
from nobs.tasks.fit.lines import fit_lines
from nobs.tasks.parameters import note_slow_dtype
from nobs.tasks.score import calculate_score
from nobs.tasks.text_embeddings.consistency import check_output, find_contradictions
from nobs.tasks.text_embeddings.figures import CHARTS, FIGURES, SUMMARY, settings_of
from nobs.tasks.text_embeddings.open_reasons import open_reasons_of, warn_of_encoder
from nobs.tasks.text_embeddings.options import OPTIONS
from nobs.tasks.text_embeddings.params import (
    EmbeddingsColdParams,
    EmbeddingsFitParams,
    EmbeddingsMaxParams,
    EmbeddingsParams,
)
from nobs.tasks.text_embeddings.report import EmbeddingsModelReport
from nobs.tasks.text_embeddings.shares import describe_utilisation

UNCHECKED = (
    "Output not verified: no reference embeddings for this model, sequence length and texts."
)
RANDOM = (
    "Output checked for shape and finite values only: random weights have no reference embeddings."
)
NO_MFU = (
    "No MFU: the model was faster than the matrix products that measure the peak, so something "
    "slowed those down. Run again on an idle machine."
)
SHORTENED = (
    "A pass of {wanted} rows would take too long, so passes of {rows} rows were measured. Rows per "
    "second are comparable, times aren't, and there is no score."
)


class TextEmbeddings(TaskDefinition):
    """The definition; the work is in `bench`."""

    name = "embeddings"
    title = "Text embeddings"
    unit = "rows"
    bench = "nobs.tasks.text_embeddings.bench:make_bench"
    packages = ("torch", "sentence-transformers", "transformers")
    libraries = (
        "tokenizers", "numpy", "huggingface-hub", "datasets", "pyarrow", "safetensors",
        "flash-attn", "accelerate", "kernels",
    )  # fmt: skip
    phases: Mapping[str, str] = {
        "data": "reading texts and weights",
        "profile": "profiling one pass",
    }
    params: Mapping[str, type[Params]] = {
        "embeddings": EmbeddingsParams,
        "embeddings-max": EmbeddingsMaxParams,
        "embeddings-cold": EmbeddingsColdParams,
        "embeddings-fit": EmbeddingsFitParams,
    }
    options = OPTIONS
    packaged_dataset = "nobs/austen-passages"
    report_type = EmbeddingsModelReport
    figures = FIGURES
    summary = SUMMARY
    charts = CHARTS
    settings = staticmethod(settings_of)
    check_output = staticmethod(check_output)
    find_contradictions = staticmethod(find_contradictions)
    find_open_reasons = staticmethod(open_reasons_of)
    find_notes = staticmethod(note_slow_dtype)

    def summarise(self, result: StepResult, report: ModelReport) -> EmbeddingsModelReport:
        """Return medians and their interval from the raw samples of `result`."""
        figures = {**report.model_dump(), **result.facts}
        if result.samples and not {"cold", "fit"} & result.facts.keys():
            figures |= _figures(result) | _energy(result, report.device)
        model = EmbeddingsModelReport.model_validate(figures)
        if processes := model.cold or model.fit:
            model = model.model_copy(update={"memory": processes.memory})
        return model.model_copy(update={"warnings": (*report.warnings, *_warn(model))})

    def details(self, model: EmbeddingsModelReport) -> Iterator[str]:
        """Yield the parts of a cold start, or the memory by batch size."""
        if model.cold is not None:
            yield cold_line(model.cold)
        if model.fit is not None:
            yield from fit_lines(model.fit)

    def score(self, models: Sequence[ModelReport]) -> float | None:
        """Return models per hour: number of models over the sum of their median times.

        None unless all are ok and their passes have the rows that the workload asks for.
        """
        times = [
            model.final_median_encoding_time_seconds
            for model in models
            if isinstance(model, EmbeddingsModelReport)
            and model.status is Status.OK
            and not model.is_shortened
        ]
        known = [time for time in times if time is not None]
        if not known or len(known) < len(models):
            return None
        return calculate_score(len(known), sum(known))


def _warn(model: EmbeddingsModelReport) -> list[str]:
    unchecked = model.reference is not None and model.reference.rows == 0
    warnings = [UNCHECKED] if unchecked else []
    if model.status is Status.OK and model.weights and model.weights.random:
        warnings.append(RANDOM)
    warnings += warn_of_encoder(model)
    warnings += cold_warnings(model.cold)
    reached = model.utilisation
    if reached and reached.matmul_flop_per_s and reached.mfu is None:
        warnings.append(NO_MFU)
    if model.is_shortened and model.tuning:
        warnings.append(SHORTENED.format(wanted=model.tuning.min_rows, rows=model.rows_per_pass))
    return warnings


def _figures(result: StepResult) -> dict[str, object]:
    times = [sample.duration_s for sample in result.samples]
    rates = [sample.units / sample.duration_s for sample in result.samples]
    middle = median(times)
    tokens, padded = result.facts.get("tokens"), result.facts.get("padded_tokens")
    return {
        "final_median_encoding_time_seconds": middle,
        "final_median_rows_per_second": median(rates),
        "final_median_tokens_per_second": tokens / middle if tokens else None,
        "padding_efficiency": tokens / padded if tokens and padded else None,
        "encoding_time_interval": Interval.of_repeats(times),
        "utilisation": describe_utilisation(result, middle),
        "all_runs": [
            {"encoding_time_seconds": time, "rows_per_second": rate}
            for time, rate in zip(times, rates, strict=True)
        ],
    }


def _energy(result: StepResult, backend: Backend) -> dict[str, object]:
    rows = sum(sample.units for sample in result.samples)
    tokens = (result.facts.get("tokens") or 0) * len(result.samples)
    return {
        "joules_per_1000_rows": joules_per_1000(result.telemetry, backend, rows),
        "joules_per_1000_tokens": joules_per_1000(result.telemetry, backend, tokens),
    }


DEFINITION = TextEmbeddings()
