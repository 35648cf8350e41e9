"""Plans of runs of embeddings and the results of their steps, as values."""

from datetime import UTC, datetime

from nobs.catalog import load_catalog
from nobs.errors import FailureClass
from nobs.launch.planning.plan import make_plan
from nobs.schema.enums import Execution, Status
from nobs.schema.result import Failure, Sample, StepResult
from nobs.schema.spec import RunSpec
from tests.fakes.facts import make_facts
from tests.fakes.run_requests import make_request

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def make_spec(**words: object) -> RunSpec:
    request = make_request(**({"tasks": ("embeddings",), "execution": Execution.NATIVE} | words))
    return make_plan(request, load_catalog(), make_facts()).spec


def ok(step: str, model: str, *durations_s: float) -> StepResult:
    return StepResult(
        step=step, task="embeddings", model=model, status=Status.OK, started=NOW, finished=NOW,
        samples=tuple(
            Sample(start_s=0.0, duration_s=d, units=100, cpu_time_s=0.0) for d in durations_s
        ),
        facts={"embedding_dimension": 1024, "dtype": "float32", "tokens": 1000},
    )  # fmt: skip


def failed(step: str, model: str) -> StepResult:
    failure = Failure(failure_class=FailureClass.OOM, type="MemoryError", message="Too big.")
    return ok(step, model).model_copy(update={"status": Status.FAILED, "failure": failure})


def results_of(spec: RunSpec, *results: StepResult) -> dict[str, StepResult]:
    return {step.id: result for step, result in zip(spec.steps, results, strict=False)}
