"""From the request to workloads: the pinned one, or an open one that says what differs."""

from collections import Counter
from pathlib import Path

from nobs.catalog import Catalog
from nobs.errors import UsageError
from nobs.launch.planning.request import RunRequest, given_options
from nobs.schema.base import Backend, Dtype, Record
from nobs.schema.pins import (
    Arrivals,
    DatasetPin,
    LoadParams,
    ModelPin,
    Params,
    Source,
    Workload,
)
from nobs.user import expand_home

_PATH_MARKS = (".", "/", "~")
"""What a path begins with; names of the hub and of the catalogue never do."""
CONSEQUENCES = {"source", "file", "file_bytes", "file_sha256", "rows_sha256", "config", "licence"}
"""Fields of a data set that follow from which one it is: no reasons of their own."""


def choose_workload(
    task: str, request: RunRequest, catalog: Catalog, served: ModelPin | None = None
) -> Workload:
    """Return the workload of `task`; everything that differs from the pins is a reason.

    `request` has the options that the task takes, `served` is the model that a server is asked for.
    """
    pinned = catalog.workload(task, request.profile)
    dataset = _choose_dataset(request, pinned.dataset)
    models = (served,) if served else _choose_models(request, pinned, catalog)
    params = _choose_params(request, pinned.params)
    policy = pinned.policy.model_copy(
        update=_given(repeats=request.repeats, time_budget_s=request.time_budget_s)
    )
    return pinned.model_copy(
        update={
            "dataset": dataset,
            "models": models,
            "params": params,
            "policy": policy,
            "open_reasons": (
                *_differences(pinned.dataset, dataset, "dataset"),
                *_model_reasons(pinned, models),
                *_differences(pinned.params, params, "params"),
                *_repeat_reasons(request, pinned),
            ),
        }
    )


def warn_of_dtype(dtype: Dtype | None, backend: Backend) -> str | None:
    """Return why a number format makes little sense on a backend, None if it does."""
    if backend is Backend.CPU and dtype is Dtype.FLOAT16:
        return "float16 is several times slower than float32 on CPUs; use bfloat16 or float32."
    return None


def _choose_dataset(request: RunRequest, pinned: DatasetPin) -> DatasetPin:
    if request.dataset is None:
        return _change_dataset(request, pinned)
    rows = request.rows or pinned.rows
    is_path = request.dataset.startswith(_PATH_MARKS)
    file = expand_home(request.dataset, "--dataset") if is_path else Path(request.dataset)
    if is_path or file.is_file():
        if not file.is_file():
            raise UsageError(f"There is no file of texts {file}.", "Name one that exists.")
        _refuse_parts(request, str(file), has_columns=file.suffix.lower() != ".txt")
        path = str(file.resolve())
        return DatasetPin(id=path, source=Source.PATH, rows=rows, **_given(column=request.column))
    name, _, revision = request.dataset.partition("@")
    parts = _given(column=request.column, split=request.split)
    return DatasetPin(id=name, revision=revision or None, rows=rows, **parts)


def _change_dataset(request: RunRequest, pinned: DatasetPin) -> DatasetPin:
    """Return the pinned data set with other rows; digests of what is no longer asked for go."""
    if pinned.source is Source.PACKAGE:
        _refuse_parts(request, f"the packaged {pinned.id}", has_columns=False)
    changes = _given(rows=request.rows, column=request.column, split=request.split)
    changed = pinned.model_copy(update=changes)
    if changed != pinned:
        changed = changed.model_copy(update={"rows_sha256": ""})
    if changed.split != pinned.split:
        # The pinned file is of one split: the `datasets` library finds those of another.
        changed = changed.model_copy(update={"file": None, "file_bytes": None, "file_sha256": ""})
    return changed


def _refuse_parts(request: RunRequest, texts: str, *, has_columns: bool) -> None:
    """Raise UsageError for parts of a data set that `texts` don't have."""
    if request.split is not None:
        raise UsageError(
            f"--split has no effect: {texts} has no splits.", "Leave it out, or name a --dataset."
        )
    if request.column is not None and not has_columns:
        raise UsageError(
            f"--column has no effect: {texts} has no columns.", "Leave it out, or name a --dataset."
        )


def _choose_models(request: RunRequest, pinned: Workload, catalog: Catalog) -> tuple[ModelPin, ...]:
    models = _named_models(request, pinned, catalog) if request.models else pinned.models
    if request.trust_remote_code and not any(model.trust_remote_code for model in models):
        raise UsageError(
            "--trust-remote-code has no effect on models of the catalogue.",
            "Leave it out, or name another --model: OWNER/NAME[@REVISION], or a directory.",
        )
    return models


def _named_models(request: RunRequest, pinned: Workload, catalog: Catalog) -> tuple[ModelPin, ...]:
    found = tuple(_find_model(name, request, pinned, catalog) for name in request.models)
    # A report has one place per model: two revisions of one would share it.
    twice = [name for name, count in Counter(model.id for model in found).items() if count > 1]
    if twice:
        raise UsageError(
            f"The model {', '.join(twice)} is named more than once.",
            "Name each --model once; another revision is another run.",
        )
    return found


def _find_model(name: str, request: RunRequest, pinned: Workload, catalog: Catalog) -> ModelPin:
    """Return the pin of a catalogue model, or an open one for `OWNER/NAME[@REVISION]` or a path."""
    models = (*pinned.models, *catalog.models.values())
    known = {model.id: model for model in models if model.source is not Source.SERVER}
    if name in known:
        return known[name]
    # As sentence-transformers does: a directory that is there goes before a name of the hub.
    if name.startswith(_PATH_MARKS) or Path(name).is_dir():
        path = expand_home(name, "--model").resolve()
        if not path.is_dir():
            raise UsageError(f"There is no model directory {path}.", "Name one that exists.")
        return ModelPin(
            id=str(path), source=Source.PATH, trust_remote_code=request.trust_remote_code
        )
    identifier, _, revision = name.partition("@")
    owner, slash, rest = identifier.partition("/")
    if not (owner and slash and rest) or "/" in rest:
        raise UsageError(
            f"There is no model {name!r} in the catalogue.",
            "See `nobs models`; any model of the hub is named as OWNER/NAME[@REVISION].",
        )
    return ModelPin(
        id=identifier, revision=revision or None, trust_remote_code=request.trust_remote_code
    )


def _choose_params(request: RunRequest, pinned: Params) -> Params:
    """Return the parameters with what the options of the same name ask for."""
    named = [name for name in given_options(request) if name in type(pinned).model_fields]
    changes = {name: getattr(request, name) for name in named}
    return pinned.model_copy(update=changes | _given(load=_choose_load(request)))


def _choose_load(request: RunRequest) -> LoadParams | None:
    """Return the levels of load that were asked for."""
    if not (request.concurrency or request.rates_per_s or request.sweep):
        return None
    return LoadParams(
        concurrency=request.concurrency,
        rates_per_s=request.rates_per_s,
        sweep=request.sweep,
        arrivals=request.arrivals or Arrivals.POISSON,
    )


def _model_reasons(pinned: Workload, models: tuple[ModelPin, ...]) -> list[str]:
    """Other models, and fewer, make another task score."""
    if models == pinned.models:
        return []
    names = ", ".join(model.id for model in models)
    return [f"models: {names} instead of {', '.join(model.id for model in pinned.models)}"]


def _repeat_reasons(request: RunRequest, pinned: Workload) -> list[str]:
    """Fewer repeats than the workload asks for make a result open; more don't."""
    if request.repeats is not None and request.repeats < pinned.policy.min_repeats:
        return [f"policy.repeats: {request.repeats}, below {pinned.policy.min_repeats}"]
    return []


def _differences(pinned: Record, chosen: Record, where: str) -> list[str]:
    before, after = pinned.model_dump(mode="json"), chosen.model_dump(mode="json")
    return [
        f"{where}.{key}: {after[key]} instead of {before[key]}"
        for key in before
        if before[key] != after[key] and key not in CONSEQUENCES
    ]


def _given(**values: object) -> dict[str, object]:
    """Return the values that are not None."""
    return {key: value for key, value in values.items() if value is not None}
