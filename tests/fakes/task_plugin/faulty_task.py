"""A third party's task whose models misbehave in the way that their names say."""

from collections.abc import Mapping, Sequence

from nobs.schema.pins import Params
from nobs.schema.report import ModelReport
from nobs.schema.result import StepResult
from nobs.tasks.base import TaskDefinition


class Faulty(TaskDefinition):
    name = "faulty"
    title = "Faults on purpose"
    unit = "rows"
    bench = "faulty_bench:FaultyBench"
    inputs = "faulty_inputs:load_lines"
    libraries = ("pydantic",)
    params: Mapping[str, type[Params]] = {"faulty": Params}

    def summarise(self, result: StepResult, report: ModelReport) -> ModelReport:
        return report.model_copy(update={"repeats": len(result.samples)})

    def score(self, models: Sequence[ModelReport]) -> float | None:
        return float(len(models)) if all(m.status == "ok" for m in models) else None


DEFINITION = Faulty()
