"""`embeddings-served`: texts per second and latency of a server's embeddings, by load."""

from collections.abc import Iterable, Mapping
from typing import Any

from nobs.schema.pins import Params, Workload
from nobs.schema.report import ModelReport
from nobs.schema.result import StepResult
from nobs.schema.server import Api, ServerRef
from nobs.tasks.base import TaskDefinition, own_figures, with_warnings
from nobs.tasks.chat.server import machine_of
from nobs.tasks.energy import joules_per_1000
from nobs.tasks.options import DATA
from nobs.tasks.served_embeddings.aggregate import figures_of
from nobs.tasks.served_embeddings.consistency import find_contradictions
from nobs.tasks.served_embeddings.figures import (
    CHARTS,
    FIGURES,
    SUMMARY,
    cell_lines,
    settings_of,
)
from nobs.tasks.served_embeddings.notices import flags_of, open_reasons_of, warnings_of
from nobs.tasks.served_embeddings.options import OPTIONS
from nobs.tasks.served_embeddings.params import Load, ServedEmbeddingsParams
from nobs.tasks.served_embeddings.report import ServedEmbeddingsReport, ServedEmbeddingsRun


class ServedEmbeddings(TaskDefinition):
    """The definition; the work is in `bench`."""

    name = "embeddings-served"
    title = "Served embeddings"
    unit = "rows"
    bench = "nobs.tasks.served_embeddings.bench:ServedEmbeddingsBench"
    uses_device = False
    api = Api.EMBED
    phases: Mapping[str, str] = {
        "data": "reading texts",
        "load": "connecting to the server",
        "warmup": "sending requests of every size",
        "extra": "checking vectors",
    }
    params: Mapping[str, type[Params]] = {"embeddings-served": ServedEmbeddingsParams}
    options = OPTIONS
    # If other tasks run too, the user's data set is meant for them.
    options_alone = frozenset(option.name for option in DATA)
    report_type = ServedEmbeddingsReport
    figures = FIGURES
    summary = SUMMARY
    charts = CHARTS
    settings = staticmethod(settings_of)
    find_contradictions = staticmethod(find_contradictions)
    details = staticmethod(cell_lines)
    find_flags = staticmethod(flags_of)

    def parallel_requests(self, params: Params) -> int | None:
        """Return the highest concurrency."""
        return max(params.concurrency) if isinstance(params, ServedEmbeddingsParams) else None

    def find_machine(self, model: ServedEmbeddingsReport) -> str | None:
        """Return the server's host, unless it computes on the report's."""
        return machine_of(model.server)

    def summarise(self, result: StepResult, report: ModelReport) -> ServedEmbeddingsReport:
        """Return the figures of all cells, and warnings, from the raw cells of `result`."""
        facts = dict(result.facts)
        loads = [Load.model_validate(load) for load in facts.pop("loads", ())]
        runs = [ServedEmbeddingsRun.model_validate(run) for run in facts.pop("runs", ())]
        figures = report.model_dump() | facts
        if runs:
            server = ServerRef.model_validate(facts["server"])
            figures |= figures_of(runs, loads, facts["skipped"])
            rows = sum(cell.rows for run in runs for cell in run.cells)
            energy = joules_per_1000(result.telemetry, report.device, rows, server)
            figures["joules_per_1000_rows"] = energy
        model = ServedEmbeddingsReport.model_validate(figures)
        return with_warnings(model, warnings_of(model))

    def rebuild(self, result: StepResult, model: ModelReport) -> StepResult:
        """Return `result` with the raw cells in the repeats of `model`."""
        facts = own_figures(model)
        if isinstance(model, ServedEmbeddingsReport) and model.all_runs:
            facts["runs"] = [run.model_dump() for run in model.all_runs]
            facts["loads"] = [
                {"inputs": cell.inputs, "concurrency": cell.concurrency, "requests": 0}
                for cell in model.cells
            ]
        return result.model_copy(update={"facts": facts})

    def find_open_reasons(self, model: Any, workload: Workload) -> Iterable[str]:  # noqa: ANN401 - as in the base
        """Yield cells that are missing, and why the vectors are suspect."""
        return open_reasons_of(model)


DEFINITION = ServedEmbeddings()
