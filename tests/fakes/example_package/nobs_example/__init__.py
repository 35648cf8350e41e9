"""`example`: products per second of small matrices of whole numbers.

The light half: NOBS imports this module for `nobs --help`, so that it imports neither torch nor
anything else that takes long.
"""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from types import MappingProxyType

from nobs.schema.enums import Status
from nobs.schema.pins import Params, Workload
from nobs.schema.report import Interval, ModelReport
from nobs.schema.result import StepResult
from nobs.tasks.base import TaskDefinition
from nobs.tasks.options import ROWS, Option
from nobs.tasks.score import calculate_score

from .figures import FIGURES, SCALING
from .records import ExampleModelReport, ExampleParams

MATRIX_SIZE: Option[int] = Option(
    name="matrix_size", kind=int, help="Rows and columns of each matrix."
)
SPOIL: Option[bool] = Option(
    name="spoil", kind=bool, help="Change one product, to see that a wrong output has failed."
)


class Example(TaskDefinition):
    """The definition; the work is in `bench`."""

    name = "example"
    title = "Products of small matrices"
    unit = "products"
    bench = "nobs_example.bench:ExampleBench"
    inputs = "nobs_example.data:make_matrices"
    weights = "nobs_example.data:find_weights"
    packages = ("torch",)
    extra = "nobs-example[bench]"
    libraries = ("nobs-example",)
    phases = MappingProxyType({"data": "making matrices", "extra": "measuring smaller matrices"})
    params: Mapping[str, type[Params]] = MappingProxyType({"example": ExampleParams})
    options = (MATRIX_SIZE, SPOIL, ROWS)
    report_type = ExampleModelReport
    figures = FIGURES
    summary = FIGURES[:2]
    charts = (SCALING,)

    def summarise(self, result: StepResult, report: ModelReport) -> ExampleModelReport:
        """Return the median time and what follows from it; the facts are those of the bench."""
        values = {**report.model_dump(), **result.facts}
        if times := [sample.duration_s for sample in result.samples]:
            middle, products = median(times), result.samples[0].units
            values |= {
                "final_median_time_seconds": middle,
                "final_median_products_per_second": products / middle,
                "time_interval": Interval.of_repeats(times),
                "products": products,
            }
        return ExampleModelReport.model_validate(values)

    def score(self, models: Sequence[ModelReport]) -> float | None:
        """Return models per hour, None unless all of them were measured."""
        times = [
            model.final_median_time_seconds
            for model in models
            if isinstance(model, ExampleModelReport) and model.status is Status.OK
        ]
        known = [time for time in times if time is not None]
        return calculate_score(len(known), sum(known)) if len(known) == len(models) > 0 else None

    def settings(self, model: ExampleModelReport) -> str:
        """Return the size of the matrices."""
        return f"{model.matrix_size} x {model.matrix_size}" if model.matrix_size else ""

    def details(self, model: ExampleModelReport) -> Iterator[str]:
        """Yield what was compared with exact arithmetic."""
        if model.status is Status.OK:
            yield f"{len(model.checksums)} products compared with exact sums"

    def check_output(self, model: ExampleModelReport) -> Iterator[str]:
        """Yield which products are wrong: sums of whole numbers are exact in float32."""
        pairs = zip(model.checksums, model.expected_checksums, strict=False)
        wrong = [number for number, (found, exact) in enumerate(pairs, 1) if found != exact]
        if wrong or len(model.checksums) != len(model.expected_checksums):
            products = len(model.expected_checksums)
            yield f"{len(wrong)} of {products} products have another sum than in exact arithmetic."

    def find_contradictions(self, model: ExampleModelReport, workload: Workload) -> Iterator[str]:
        """Yield that the matrices have another size than the workload's, or another number."""
        if model.status is not Status.OK:
            return
        if not isinstance(workload.params, ExampleParams):
            yield "its parameters aren't those of this task"
        elif model.matrix_size != workload.params.matrix_size:
            yield f"matrix_size is {model.matrix_size}, not {workload.params.matrix_size}"
        if len(model.checksums) != workload.dataset.rows:
            yield f"{len(model.checksums)} products are not {workload.dataset.rows}"


DEFINITION = Example()
