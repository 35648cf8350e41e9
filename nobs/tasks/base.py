"""The interfaces of a task: a light definition, and a heavy bench for the step's process."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

from nobs.errors import DataError, RequirementError, UsageError
from nobs.registry import resolve
from nobs.schema.enums import Backend
from nobs.schema.flags import Flag
from nobs.schema.pins import ModelPin, Params, Workload
from nobs.schema.report import ModelReport
from nobs.schema.result import Calibration, StepResult
from nobs.schema.server import Api, Connection, ServerRef
from nobs.schema.share import Share
from nobs.tasks.charts import Chart
from nobs.tasks.figures import Figure
from nobs.tasks.options import Option
from nobs.tasks.parameters import close


class NotMergeable(Exception):
    """The shares don't make one load; `reasons` are clauses with their values."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True, kw_only=True)
class Work:
    """Everything a bench needs: model files or server, inputs, the workload's parameters."""

    model: ModelPin
    inputs: tuple[Any, ...]
    """Inputs that the task's loader returned, such as texts."""
    workload: Workload
    directory: Path = Path()
    """The step's directory, for data too large for its result."""
    model_path: Path = Path()
    """Directory of the weights; unused if a server has them."""
    torch_device: str = ""
    """torch's name: `cpu`, `cuda` or `mps`; empty for tasks that don't use the device."""
    server: ServerRef | None = None
    """The model server, in tasks that don't use the device themselves."""
    connection: Connection | None = None
    """How this process reaches `server`."""

    def params_of[P: Params](self, kind: type[P]) -> P:
        """Return the workload's parameters; TypeError unless they are of this kind."""
        if not isinstance(self.workload.params, kind):
            raise TypeError(f"the parameters of {self.workload.label} aren't {kind.__name__}")
        return self.workload.params


class Bench(Protocol):
    """The work of one step; made once, loaded once, then repeated by the measuring loop.

    Benches that inherit from it need only the methods that have something to do.
    """

    def load(self) -> None:
        """Load the model onto the device."""
        return

    def warm_up(self) -> None:
        """Do untimed work of every shape that the timed work has."""
        return

    def run(self) -> int:
        """Do the whole timed work once; return the number of units."""

    def synchronize(self) -> None:
        """Wait until the device has finished."""
        return

    def facts(self) -> dict[str, Any]:
        """Return values read back from the model and its output, for the report."""

    def close(self) -> None:
        """Drop every reference to the model."""
        return


@runtime_checkable
class Profiled(Protocol):
    """A bench that also measures the device's peaks and a profile, outside the timed repeats."""

    def calibrate(self, like: Calibration | None) -> Calibration:
        """Measure the device's peaks before the repeats; after them with the sizes of `like`."""

    def restore(self) -> None:
        """Allocate the work's memory again, which a calibration released.

        Otherwise the next timed pass would include the allocation.
        """

    def profile(self, pass_s: float) -> None:
        """Make one instrumented pass; `pass_s` is the median time of a pass in the repeats."""


@runtime_checkable
class HasExtra(Protocol):
    """A bench with extra measurements that a workload can ask for."""

    def measure_extra(self) -> None:
        """Run the extra measurements after the repeats; `facts` returns the results."""


@runtime_checkable
class KeepsRepeats(Protocol):
    """A bench that records something of each repeat."""

    def keep(self, repeats: int) -> None:
        """Drop what belongs to later repeats than `repeats`: the next one was interrupted."""


def own_figures(model: ModelReport) -> dict[str, Any]:
    """Return the fields of `model` that its task added to the common ones."""
    return {
        name: value
        for name, value in model.model_dump().items()
        if name not in ModelReport.model_fields
    }


def with_warnings[M: ModelReport](model: M, more: Iterable[str]) -> M:
    """Return `model` with `more` warnings, each of them once."""
    return model.model_copy(update={"warnings": tuple(dict.fromkeys((*model.warnings, *more)))})


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
    packaged_dataset: str = ""
    """Data set of the catalogue that comes with NOBS: `--weights random` uses it in place of one of
    the hub. Tasks that declare `RANDOM_WEIGHTS` among their options name one."""
    weights: str = "nobs.data.models:open_model"
    """`module:function` that finds, fetches and checks a model's directory: `(ModelPin, *,
    offline=False, force=False) -> nobs.data.found.Model`. Not called for models of a server."""
    is_complete: str = "nobs.data.weights:is_complete"
    """`module:function` that returns whether a directory has all files of a model of this task,
    `(Path) -> bool`; light to import."""
    packages: tuple[str, ...] = ()
    """Packages that a step imports and the launcher doesn't need, by their names on PyPI."""
    extra: str = "nobs[bench]"
    """Requirement that pip installs to provide them."""
    libraries: tuple[str, ...] = ()
    """Further packages that affect its speed; reports record the versions of both."""
    phases: Mapping[str, str] = MappingProxyType({})
    """Progress texts of phases where the common text doesn't fit, as in `{"data": "reading
    images"}`; the names are those of `nobs.schema.result.Phases`."""
    params: Mapping[str, type[Params]] = MappingProxyType({})
    """Classes of its workloads' parameters, by kind."""
    options: tuple[Option[Any], ...] = ()
    """Options of `nobs run` that the task takes."""
    options_alone: frozenset[str] = frozenset()
    """Names of options that it takes only if it is the only task of the run."""
    uses_device: bool = True
    """Whether the step computes with torch on the device; otherwise a server does."""
    api: Api = Api.CHAT
    """What it asks a server for, if one has its models."""
    report_type: type[ModelReport] = ModelReport
    """What `summarise` returns; its fields are in the JSON Schema, checked on reading.

    Whatever reads a model by this definition gets one of this class.
    """
    figures: tuple[Figure[Any], ...] = ()
    """In table order; the first one present ranks the rows."""
    summary: tuple[Figure[Any], ...] = ()
    """Figures in the summary of a run, the first with its CI; all figures by default."""
    charts: tuple[Chart[Any], ...] = ()
    """Charts of the page in addition to those of figures and repeats."""

    def apply(self, params: Params, options: Mapping[str, Any]) -> Params:
        """Return `params` changed by `options` (name -> value).

        UsageError for an option without effect. By default an option sets the field of its name,
        or the one that it names.
        """
        named = {option.name: option.parameter for option in self.options if option.parameter}
        fields = {name: named.get(name, name) for name in options}
        useless = [name for name in options if fields[name] not in type(params).model_fields]
        if useless:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in useless)
            raise UsageError(f"{flags} has no effect on {params.kind}.", "Remove it.")
        try:
            changed = {fields[name]: value for name, value in options.items()}
            return close(type(params), {**params.model_dump(), **changed}, "The request")
        except DataError as error:
            raise UsageError(error.message, error.remedy) from error

    def parallel_requests(self, params: Params) -> int | None:
        """Return the number of concurrent requests the server must support; None if not set."""
        return None

    def restarts_server(self, params: Params) -> bool:
        """Return whether the work starts its server by itself, so none shall hold its weights."""
        return False

    def share_of(self, params: Params) -> Share | None:
        """Return which share of a load several clients drive with `params`; None if one does."""
        return None

    def whole(self, params: Params) -> Params:
        """Return `params` as one client would have them that drives the whole load."""
        return params

    def merge(self, runs: Sequence[str], models: Sequence[Any], params: Params) -> ModelReport:
        """Return the shares `models` of `runs` as one model; NotMergeable has the reasons.

        `params` are those of the whole load.
        """
        raise NotMergeable([f"the task {self.name} has no shares"])

    def find_notes(self, params: Params, backend: Backend) -> Iterable[str]:
        """Yield notes on `params` that are unsuitable for `backend`."""
        return ()

    def summarise(self, result: StepResult, report: ModelReport) -> ModelReport:
        """Return `report` with the task's own figures computed from the raw samples."""
        return report

    def score(self, models: Sequence[ModelReport]) -> float | None:
        """Return the task score of the models that are ok; None unless all of them are."""
        return None

    def rebuild(self, result: StepResult, model: ModelReport) -> StepResult:
        """Return `result`, which has the samples, with the facts that `summarise` needs.

        Computed figures may be among the facts: `summarise` overwrites them.
        """
        return result.model_copy(update={"facts": own_figures(model)})

    # The methods below get models of `report_type` only.

    def settings(self, model: Any) -> str:  # noqa: ANN401 - tasks name their own class
        """Return with what `model` ran, as in `bfloat16, batch 64`; readers make it safe."""
        return ""

    def variant(self, model: Any) -> str:  # noqa: ANN401
        """Return the setting without which figures can't be compared, as in `batch 4`.

        It stands beside the model's name, and only figures with the same one are ranked together
        or compared. Readers make it safe.
        """
        return ""

    def find_machine(self, model: Any) -> str | None:  # noqa: ANN401
        """Return the name of another machine that did the work; None if this host did."""
        return None

    def details(self, model: Any) -> Iterable[str]:  # noqa: ANN401
        """Yield lines of at most 80 columns for the end of a run, below the table of figures."""
        return ()

    def find_flags(self, model: Any) -> Iterable[Flag]:  # noqa: ANN401
        """Yield flags that only this task can raise."""
        return ()

    def check_output(self, model: Any) -> Iterable[str]:  # noqa: ANN401
        """Yield why the output is wrong, in whole sentences; such a model has failed."""
        return ()

    def find_contradictions(self, model: Any, workload: Workload) -> Iterable[str]:  # noqa: ANN401
        """Yield contradictions within `model`, and between it and `workload`."""
        return ()

    def find_open_reasons(self, model: Any, workload: Workload) -> Iterable[str]:  # noqa: ANN401
        """Yield differences from `workload` that only measuring shows."""
        return ()


def import_part(task: TaskDefinition, target: str) -> Any:  # noqa: ANN401 - any attribute
    """Import a heavy part of `task`, `module:attribute`; RequirementError if that fails."""
    try:
        return resolve(target)
    except ImportError as error:
        raise RequirementError(
            f"The libraries of the task {task.name} can't be imported: {error}.",
            f'Install them with `pip install "{task.extra}"`, or run in a container.',
        ) from error
