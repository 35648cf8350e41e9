"""From the request to workloads: the pinned one, or an open one with its differences."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nobs.catalog import Catalog
from nobs.catalog.changes import find_changes
from nobs.errors import UsageError
from nobs.launch.planning.pace import choose_policy
from nobs.launch.planning.random_weights import choose_inputs, randomise, wants_random
from nobs.launch.planning.request import RunRequest
from nobs.schema.pins import DatasetPin, ModelPin, Params, Source, Workload
from nobs.tasks import TASKS
from nobs.tasks.options import (
    COLUMN,
    DATASET,
    MODEL,
    ROWS,
    SPLIT,
    TRUST_REMOTE_CODE,
    Option,
    Role,
)
from nobs.user import expand_home

_PATH_MARKS = (".", "/", "~")
"""Beginnings of paths; names of the hub and the catalogue never have them."""


def choose_workload(
    pinned: Workload, request: RunRequest, catalog: Catalog, served: ModelPin | None = None
) -> Workload:
    """Return `pinned` with the changes of `request`; each difference is an open reason.

    `request` has the options of the task only, `served` is the model to request from a server.
    """
    definition = TASKS.load(pinned.task)
    inputs = choose_inputs(request, pinned.dataset, definition.packaged_dataset, catalog)
    chosen = pinned.model_copy(
        update={
            "dataset": _choose_dataset(definition.options, request, inputs),
            "models": (served,) if served else _choose_models(request, pinned, catalog),
            "params": change_params(pinned, request.options),
            "policy": choose_policy(request, pinned.policy),
        }
    )
    reasons = (*pinned.open_reasons, *find_changes(pinned, chosen))
    return chosen.model_copy(update={"open_reasons": reasons})


def change_params(pinned: Workload, options: Mapping[str, Any]) -> Params:
    """Return the parameters of `pinned`, changed by those of `options` that are its task's.

    UsageError for one without effect.
    """
    definition = TASKS.load(pinned.task)
    own = {option.name for option in definition.options if option.role is Role.PARAMETERS}
    chosen = {name: value for name, value in options.items() if name in own}
    return definition.apply(pinned.params, chosen)


def _choose_dataset(
    options: Iterable[Option[Any]], request: RunRequest, pinned: DatasetPin
) -> DatasetPin:
    for option in options:
        if option.folder_of and (named := option.get(request.options)):
            return _folder_pin(option, named, request, pinned)
    asked, column = DATASET.get(request.options), COLUMN.get(request.options)
    if asked is None:
        return _change_dataset(request, pinned)
    rows = ROWS.get(request.options) or pinned.rows
    is_path = asked.startswith(_PATH_MARKS)
    file = expand_home(asked, request.label(DATASET.name)) if is_path else Path(asked)
    if is_path or file.is_file():
        if not file.is_file():
            raise UsageError(f"There is no file of texts {file}.", "Name one that exists.")
        _refuse_parts(request, str(file), has_columns=file.suffix.lower() != ".txt")
        path = str(file.resolve())
        return DatasetPin(id=path, source=Source.PATH, rows=rows, **_given(column=column))
    name, _, revision = asked.partition("@")
    parts = _given(column=column, split=SPLIT.get(request.options))
    return DatasetPin(id=name, revision=revision or None, rows=rows, **parts)


def _folder_pin(
    option: Option[str], named: str, request: RunRequest, pinned: DatasetPin
) -> DatasetPin:
    """Return the pin of a folder, whose files are the rows."""
    label, remedy = request.label(option.name), f"Name a folder of {option.folder_of}."
    folder = expand_home(named, label)
    if not folder.is_dir():
        raise UsageError(f"{label} {named} is not a folder.", remedy)
    files = sum(not file.name.startswith(".") and file.is_file() for file in folder.iterdir())
    if not files:
        raise UsageError(f"The folder {folder} has no files.", remedy)
    # A folder has no columns that could differ.
    path = str(folder.resolve())
    return DatasetPin(id=path, source=Source.PATH, rows=files, column=pinned.column)


def _change_dataset(request: RunRequest, pinned: DatasetPin) -> DatasetPin:
    """Return the pinned data set with other rows, without digests that no longer apply."""
    if pinned.source is Source.PACKAGE:
        _refuse_parts(request, f"the packaged {pinned.id}", has_columns=False)
    changes = {each.name: each.get(request.options) for each in (ROWS, COLUMN, SPLIT)}
    changed = pinned.model_copy(update=_given(**changes))
    if changed != pinned:
        changed = changed.model_copy(update={"rows_sha256": ""})
    if changed.split != pinned.split:
        # The pinned file has one split; the `datasets` library finds the files of others.
        changed = changed.model_copy(update={"file": None, "file_bytes": None, "file_sha256": ""})
    return changed


def _refuse_parts(request: RunRequest, texts: str, *, has_columns: bool) -> None:
    """Raise UsageError for parts of a data set that `texts` don't have."""
    absent = [(SPLIT, "splits")] + ([] if has_columns else [(COLUMN, "columns")])
    for option, parts in absent:
        if option.name in request.options:
            raise UsageError(
                f"{request.label(option.name)} has no effect: {texts} has no {parts}.",
                "Leave it out, or name a --dataset.",
            )


def _choose_models(request: RunRequest, pinned: Workload, catalog: Catalog) -> tuple[ModelPin, ...]:
    names, trusted = MODEL.get(request.options), TRUST_REMOTE_CODE.get(request.options)
    models = _named_models(names, request, pinned, catalog) if names else pinned.models
    if trusted and not any(model.trust_remote_code for model in models):
        raise UsageError(
            "--trust-remote-code has no effect on models of the catalogue.",
            "Leave it out, or name another --model: OWNER/NAME[@REVISION], or a directory.",
        )
    return randomise(models, request, catalog) if wants_random(request) else models


def _named_models(
    names: tuple[str, ...], request: RunRequest, pinned: Workload, catalog: Catalog
) -> tuple[ModelPin, ...]:
    found = tuple(_find_model(name, request, pinned, catalog) for name in names)
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
    trusted = bool(TRUST_REMOTE_CODE.get(request.options))
    models = (*pinned.models, *catalog.models.values())
    known = {model.id: model for model in models if model.source is not Source.SERVER}
    if name in known:
        return known[name]
    if wants_random(request) and name in catalog.architectures:
        return ModelPin(id=name)
    # As in sentence-transformers: an existing directory has precedence over a name of the hub.
    if name.startswith(_PATH_MARKS) or Path(name).is_dir():
        path = expand_home(name, "--model").resolve()
        if not path.is_dir():
            raise UsageError(f"There is no model directory {path}.", "Name one that exists.")
        return ModelPin(id=str(path), source=Source.PATH, trust_remote_code=trusted)
    identifier, _, revision = name.partition("@")
    owner, slash, rest = identifier.partition("/")
    if not (owner and slash and rest) or "/" in rest:
        raise UsageError(
            f"There is no model {name!r} in the catalogue.",
            "See `nobs models`; any model of the hub is named as OWNER/NAME[@REVISION].",
        )
    return ModelPin(id=identifier, revision=revision or None, trust_remote_code=trusted)


def _given(**values: object) -> dict[str, object]:
    """Return the values that are not None."""
    return {key: value for key, value in values.items() if value is not None}
