"""What a task is: a light definition for every process, a heavy bench for the step's child."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

from nobs.errors import DataError, RequirementError, UsageError
from nobs.registry import resolve
from nobs.schema.base import Backend
from nobs.schema.flags import Flag
from nobs.schema.pins import ModelPin, Params, Workload
from nobs.schema.report import ModelReport
from nobs.schema.result import Calibration, StepResult
from nobs.schema.server import Connection, ServerRef
from nobs.tasks.charts import Chart
from nobs.tasks.figures import Figure
from nobs.tasks.options import Option
from nobs.tasks.parameters import close


@dataclass(frozen=True, kw_only=True)
class Work:
    """Everything a bench needs: model files or server, inputs, the workload's parameters."""

    model: ModelPin
    inputs: tuple[Any, ...]
    """What the task's loader returned: texts, or whatever the bench computes on."""
    workload: Workload
    directory: Path = Path()
    """The step's own, for what is too long for its result."""
    model_path: Path = Path()
    """Directory of the weights; of no use where a server has them."""
    torch_device: str = ""
    """As torch names it: `cpu`, `cuda` or `mps`; empty for tasks that don't use the device."""
    server: ServerRef | None = None
    """What answers for the model, in tasks that don't use the device themselves."""
    connection: Connection | None = None
    """How this process reaches `server`."""


class Bench(Protocol):
    """The work of one step; made once, loaded once, then repeated by the measuring loop."""

    def load(self) -> None:
        """Load the model onto the device."""

    def warm_up(self) -> None:
        """Do untimed work of every shape that the timed work has."""

    def run(self) -> int:
        """Do the whole timed work once; return how many units were done."""

    def synchronize(self) -> None:
        """Wait until the device has finished."""

    def facts(self) -> dict[str, Any]:
        """Return what was read back from the model and its output, for the report."""

    def close(self) -> None:
        """Drop every reference to the model."""


@runtime_checkable
class Profiled(Protocol):
    """A bench that also finds what bounds its speed, outside the timed repeats."""

    def calibrate(self, like: Calibration | None) -> Calibration:
        """Measure the device's own limits, right before the repeats and, `like` then, after."""

    def restore(self) -> None:
        """Allocate the work's memory again, which was released together with a calibration's.

        Otherwise the next timed pass would include allocating it.
        """

    def profile(self, pass_s: float) -> None:
        """Make one instrumented pass; `pass_s` is the median time of a pass in the repeats."""


@runtime_checkable
class HasExtra(Protocol):
    """A bench that measures more than its repeats where the workload asks for it."""

    def measure_extra(self) -> None:
        """Measure it after the repeats; `facts` returns the outcome."""


def own_figures(model: ModelReport) -> dict[str, Any]:
    """Return the fields of `model` that its task added to what every task says."""
    return {
        name: value
        for name, value in model.model_dump().items()
        if name not in ModelReport.model_fields
    }


class TaskDefinition(Protocol):
    """The light side of a task, importable without torch; tasks inherit the defaults from it."""

    name: str
    title: str
    unit: str
    """What `Sample.units` counts, as in `rows`."""
    bench: str
    """`module:class` of the Bench, imported in the step's child only."""
    inputs: str = "nobs.data.texts:load_texts"
    """`module:function` that finds, fetches and digests the inputs: `(DatasetPin, *, offline=False,
    force=False) -> nobs.data.found.Inputs`."""
    weights: str = "nobs.data.models:open_model"
    """`module:function` that finds, fetches and checks a model's directory: `(ModelPin, *,
    offline=False, force=False) -> nobs.data.found.Model`. Not called for models of a server."""
    packages: tuple[str, ...] = ()
    """What a step imports and the launcher alone doesn't have, as in `pip install NAME`."""
    extra: str = "nobs[bench]"
    """What pip installs to bring them."""
    libraries: tuple[str, ...] = ()
    """Further packages that matter to its speed; reports keep the versions of both."""
    phases: Mapping[str, str] = MappingProxyType({})
    """What progress shows for phases that mean something of their own here, as in `{"data":
    "reading images"}`; the names are those of `nobs.schema.result.Phases`."""
    params: Mapping[str, type[Params]] = MappingProxyType({})
    """Classes of the parameters that its workloads fix, by their kind."""
    options: tuple[Option[Any], ...] = ()
    """Options of `nobs run` that the task takes."""
    options_alone: frozenset[str] = frozenset()
    """Names of those that it takes only in a run of no other task."""
    uses_device: bool = True
    """Whether the step itself computes with torch on the device; else a server does."""
    report_type: type[ModelReport] = ModelReport
    """What `summarise` returns; its fields are in the JSON Schema, checked on reading.

    Whatever reads a model by this definition gets one of this class.
    """
    figures: tuple[Figure[Any], ...] = ()
    """In the order of tables; the first that a table has ranks its rows."""
    summary: tuple[Figure[Any], ...] = ()
    """Those that the end of a run shows, the first with its interval; all of them by default."""
    charts: tuple[Chart[Any], ...] = ()
    """What the page draws beside the figures and the repeats."""

    def apply(self, params: Params, options: Mapping[str, Any]) -> Params:
        """Return `params` as `options`, those of its parameters by name, ask for.

        UsageError for one without effect. By default an option sets the field of its name.
        """
        useless = [name for name in options if name not in type(params).model_fields]
        if useless:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in useless)
            raise UsageError(f"{flags} has no effect on {params.kind}.", "Leave it out.")
        try:
            return close(type(params), {**params.model_dump(), **options}, "The request")
        except DataError as error:
            raise UsageError(error.message, error.remedy) from error

    def parallel_requests(self, params: Params) -> int | None:
        """Return how many requests at once a server has to make room for, None if none is named."""
        return None

    def find_notes(self, params: Params, backend: Backend) -> Iterable[str]:
        """Yield why `params` make little sense on `backend`."""
        return ()

    def summarise(self, result: StepResult, report: ModelReport) -> ModelReport:
        """Return `report` with the task's own figures computed from the raw samples."""
        return report

    def score(self, models: Sequence[ModelReport]) -> float | None:
        """Return the task score of the models that are ok; None unless all of them are."""
        return None

    def rebuild(self, result: StepResult, model: ModelReport) -> StepResult:
        """Return `result`, which has the samples, with what else `summarise` made `model` of.

        What `summarise` computes may be among the facts: it is computed again.
        """
        return result.model_copy(update={"facts": own_figures(model)})

    # What follows gets models of `report_type` only.

    def settings(self, model: Any) -> str:  # noqa: ANN401 - tasks name their own class
        """Return with what `model` ran, as in `bfloat16, batch 64`; readers make it safe."""
        return ""

    def details(self, model: Any) -> Iterable[str]:  # noqa: ANN401
        """Yield lines of at most 80 columns for the end of a run, below the table of figures."""
        return ()

    def find_flags(self, model: Any) -> Iterable[Flag]:  # noqa: ANN401
        """Yield what of the task itself stands between the figures of `model` and the hardware."""
        return ()

    def check_output(self, model: Any) -> Iterable[str]:  # noqa: ANN401
        """Yield why what was computed is wrong, in whole sentences; such a model has failed."""
        return ()

    def find_contradictions(self, model: Any, workload: Workload) -> Iterable[str]:  # noqa: ANN401
        """Yield what in `model` can't be true at once, or isn't what `workload` asks for."""
        return ()

    def find_open_reasons(self, model: Any, workload: Workload) -> Iterable[str]:  # noqa: ANN401
        """Yield what was measured otherwise than `workload` says, which the plan couldn't know."""
        return ()


def import_part(task: TaskDefinition, target: str) -> Any:  # noqa: ANN401 - any attribute
    """Import a heavy part of `task`, `module:attribute`; RequirementError if that fails."""
    try:
        return resolve(target)
    except ImportError as error:
        raise RequirementError(
            f"The libraries of task {task.name} can't be imported: {error}.",
            f'Install them with `pip install "{task.extra}"`, or run in a container.',
        ) from error
