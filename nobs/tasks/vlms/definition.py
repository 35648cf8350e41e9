"""`vlms`: what an image costs a served vision-language model, and whether it looked at it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nobs.schema.flags import Flag, FlagName
from nobs.schema.pins import Params, Workload
from nobs.schema.report import ModelReport
from nobs.schema.result import StepResult
from nobs.tasks.base import with_warnings
from nobs.tasks.chat.flags import flags_of
from nobs.tasks.chat.report import ChatModelReport
from nobs.tasks.chat.task import ChatTask
from nobs.tasks.energy import joules_per_1000
from nobs.tasks.vlms.aggregate import image_figures, whole_answers
from nobs.tasks.vlms.figures import CHARTS, FIGURES, SUMMARY, lines_of
from nobs.tasks.vlms.looked import blind_warnings, image_warnings, open_reasons, output_faults
from nobs.tasks.vlms.options import OPTIONS
from nobs.tasks.vlms.params import VlmParams, VlmsColdParams
from nobs.tasks.vlms.report import VlmModelReport, VlmRequest, VlmRun


class Vlms(ChatTask):
    """The definition; the work is in `bench`."""

    name = "vlms"
    title = "Vision-language models"
    bench = "nobs.tasks.vlms.bench:make_bench"
    inputs = "nobs.tasks.vlms.inputs:load_images"
    packages = ("pillow",)
    extra = "nobs[vlms]"
    params: Mapping[str, type[Params]] = {"vlms": VlmParams, "vlms-cold": VlmsColdParams}
    options = OPTIONS
    phases: Mapping[str, str] = {
        "data": "reading pictures",
        "load": "connecting to the server",
        "warmup": "sending the first pictures",
        "extra": "asking control questions",
    }
    report_type = VlmModelReport
    run_type = VlmRun
    request_type = VlmRequest
    figures = FIGURES
    summary = SUMMARY
    charts = CHARTS
    check_output = staticmethod(output_faults)

    def summarise(self, result: StepResult, report: ModelReport) -> ChatModelReport:
        """Return the figures of the requests, and those of their images."""
        model = super().summarise(result, report)
        if not isinstance(model, VlmModelReport) or not model.all_runs:
            return model
        if model.cold is not None:
            return with_warnings(model, blind_warnings(model))
        model = model.model_copy(update=image_figures(model))
        images = len(whole_answers(model.all_runs))
        energy = joules_per_1000(result.telemetry, model.device, images, model.server)
        model = model.model_copy(update={"joules_per_1000_images": energy})
        return with_warnings(model, image_warnings(model))

    def details(self, model: Any) -> Iterator[str]:  # noqa: ANN401 - as in the base
        """Yield the table of sizes, what the answers show, then the lines of every served model."""
        yield from lines_of(model)
        yield from super().details(model)

    def find_flags(self, model: Any) -> Iterator[Flag]:  # noqa: ANN401
        """Yield the flags of every served model, and that its output is suspect."""
        yield from flags_of(model)
        for fault in output_faults(model):
            yield Flag.warning(FlagName.OUTPUT_SUSPECT, fault)

    def find_contradictions(self, model: Any, workload: Workload) -> Iterator[str]:  # noqa: ANN401
        """Yield contradictions of the requests, and figures that don't follow from them."""
        yield from super().find_contradictions(model, workload)
        params = workload.params
        # The first answer of a cold start is no measure of its image.
        counted = model if model.cold is None else model.model_copy(update={"all_runs": ()})
        if (
            model.all_runs
            and isinstance(params, VlmParams)
            and model.min_right_share != params.min_right_share
        ):
            yield f"min_right_share isn't the workload's {params.min_right_share}"
        for name, value in image_figures(counted).items():
            if name != "all_runs" and getattr(model, name) != value:
                yield f"{name} doesn't follow from the requests"

    def find_open_reasons(self, model: Any, workload: Workload) -> Iterable[str]:  # noqa: ANN401
        """Yield parameters that the server ignored, and answers of a cache."""
        yield from super().find_open_reasons(model, workload)
        yield from open_reasons(model, workload)


DEFINITION = Vlms()
