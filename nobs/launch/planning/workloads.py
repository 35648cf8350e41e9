"""From the request to workloads: the pinned one, or an open one that says what differs."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from nobs.catalog import Catalog
from nobs.errors import UsageError
from nobs.launch.planning.request import RunRequest
from nobs.schema.base import Backend, Dtype, Record
from nobs.schema.pins import (
    Arrivals,
    DatasetPin,
    EmbeddingsMaxParams,
    EmbeddingsParams,
    LlmParams,
    LoadParams,
    ModelPin,
    Source,
    Workload,
)

CONSEQUENCES = {"source", "file", "file_bytes", "file_sha256", "rows_sha256", "config", "licence"}
"""Fields of a data set that follow from which one it is: no reasons of their own."""


def choose_workload(
    task: str, request: RunRequest, catalog: Catalog, served: ModelPin | None = None
) -> Workload:
    """Return the workload of `task`; everything that differs from the pins is a reason.

    `served` is the model that a server is asked for. Texts and models that the user names are those
    of the embeddings, unless the task is the only one.
    """
    pinned = catalog.workload(task, request.profile)
    is_llm = isinstance(pinned.params, LlmParams)
    if is_llm and request.tasks != (task,):
        request = replace(request, dataset=None, rows=None, column=None, split=None)
    dataset = _choose_dataset(request, pinned.dataset)
    own = _choose_models(request, pinned, catalog) if not is_llm else pinned.models
    models = (served,) if served else own
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
    changes = _given(rows=request.rows, column=request.column, split=request.split)
    if request.dataset is None:
        if request.rows is not None and request.rows != pinned.rows:
            changes["rows_sha256"] = ""
        return pinned.model_copy(update=changes)
    name, _, revision = request.dataset.partition("@")
    file = Path(name).expanduser()
    is_path = name.startswith((".", "/", "~")) or file.is_file()
    if is_path and not file.is_file():
        raise UsageError(f"There is no file of texts {file}.", "Name one that exists.")
    return DatasetPin(
        id=str(file.resolve()) if is_path else name,
        source=Source.PATH if is_path else Source.HUB,
        revision=revision or None,
        rows=request.rows or pinned.rows,
        **_given(column=request.column, split=request.split),
    )


def _choose_models(request: RunRequest, pinned: Workload, catalog: Catalog) -> tuple[ModelPin, ...]:
    if not request.models:
        return pinned.models
    twice = [name for name, count in Counter(request.models).items() if count > 1]
    if twice:
        raise UsageError(
            f"The model {', '.join(twice)} is named more than once.", "Name each --model once."
        )
    return tuple(_find_model(name, request, pinned, catalog) for name in request.models)


def _find_model(name: str, request: RunRequest, pinned: Workload, catalog: Catalog) -> ModelPin:
    """Return the pin of a catalogue model, or an open one for `OWNER/NAME[@REVISION]` or a path."""
    models = (*pinned.models, *catalog.models.values())
    known = {model.id: model for model in models if model.source is not Source.SERVER}
    if name in known:
        return known[name]
    if name.startswith((".", "/", "~")):
        path = Path(name).expanduser().resolve()
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


def _choose_params(
    request: RunRequest, pinned: EmbeddingsParams | EmbeddingsMaxParams | LlmParams
) -> EmbeddingsParams | EmbeddingsMaxParams | LlmParams:
    if isinstance(pinned, LlmParams):
        tokens = _given(max_output_tokens=request.max_output_tokens)
        return pinned.model_copy(update=tokens | _given(load=_choose_load(request)))
    return pinned.model_copy(
        update=_given(
            batch_size=request.batch_size,
            max_seq_length=request.max_seq_length,
            dtype=request.dtype,
        )
    )


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
