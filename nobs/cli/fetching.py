"""Fetching inputs and weights ahead of a run, for people who watch and for programs that read."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from nobs.catalog import load_catalog
from nobs.cli.words import to_request
from nobs.data.found import Inputs, Model
from nobs.launch.planning.hub_cache import find_file, find_model
from nobs.launch.planning.options import check_options, options_for
from nobs.launch.planning.request import RunRequest
from nobs.launch.planning.workloads import choose_workload
from nobs.schema.pins import DatasetPin, ModelPin, Source
from nobs.settings import hub_cache, hub_offline
from nobs.tasks import TASKS
from nobs.tasks.base import TaskDefinition, import_part
from nobs.tasks.parameters import typed
from nobs.units import format_bytes


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """Inputs or weights that are here now."""

    kind: str
    id: str
    revision: str | None
    state: str
    """`fetched` or `there already`."""
    size_bytes: int | None
    """None of rows that came without a file."""
    sha256: dict[str, str]
    """Digest by file; of texts without a file, that of the rows."""
    verified: bool
    """Whether a pinned digest was met."""


def fetch_all(words: Mapping[str, Any], *, force: bool, as_json: bool) -> None:
    """Fetch what the chosen workloads need, each thing once; print it as it comes."""
    fetched = []
    for pin, task in _pins(to_request(words)).items():
        click.echo(f"fetching {pin.id} ({pin.source})", err=True)
        fetched.append(_fetch(pin, TASKS.load(task), force=force))
        if not as_json:
            click.echo(_describe(fetched[-1]))
    if as_json:
        click.echo(json.dumps([asdict(item) for item in fetched], indent=2))


def _fetch(pin: DatasetPin | ModelPin, task: TaskDefinition, *, force: bool) -> Fetched:
    if isinstance(pin, ModelPin):
        return _fetch_model(pin, task, force)
    return _fetch_inputs(pin, task, force)


def _pins(request: RunRequest) -> dict[DatasetPin | ModelPin, str]:
    """Return what is to be fetched, each with a task that measures it."""
    catalog = load_catalog()
    check_options(request, catalog)
    tasks = request.tasks or catalog.tasks(request.profile)
    pinned = [typed(catalog.workload(task, request.profile)) for task in tasks]
    workloads = [
        choose_workload(work, options_for(work.task, request, tasks), catalog) for work in pinned
    ]
    pins: dict[DatasetPin | ModelPin, str] = {work.dataset: work.task for work in workloads}
    models = ((model, work.task) for work in workloads for model in work.models)
    pins.update((model, task) for model, task in models if model.source is not Source.SERVER)
    return pins


def _fetch_inputs(pin: DatasetPin, task: TaskDefinition, force: bool) -> Fetched:
    before = find_file(pin, hub_cache())
    load: Callable[..., Inputs] = import_part(task, task.inputs)
    evidence = load(pin, offline=hub_offline(), force=force).evidence
    file = _file_of(pin)
    name = Path(pin.file or pin.id).name
    whole = {name: evidence.file_sha256} if evidence.file_sha256 else {}
    return Fetched(
        kind="inputs",
        id=pin.id,
        revision=pin.revision,
        state=_state(pin.source, was_here=before is not None, force=force),
        size_bytes=file.stat().st_size if file else pin.file_bytes,
        sha256=whole or {f"{evidence.rows} rows": evidence.rows_sha256},
        verified=evidence.file_verified or evidence.rows_verified,
    )


def _file_of(pin: DatasetPin) -> Path | None:
    return Path(pin.id) if pin.source is Source.PATH else find_file(pin, hub_cache())


def _fetch_model(pin: ModelPin, task: TaskDefinition, force: bool) -> Fetched:
    before = find_model(pin, hub_cache())
    open_weights: Callable[..., Model] = import_part(task, task.weights)
    model = open_weights(pin, offline=hub_offline(), force=force)
    return Fetched(
        kind="weights",
        id=pin.id,
        revision=model.weights.revision,
        state=_state(pin.source, was_here=before == model.path, force=force),
        size_bytes=sum((model.path / name).stat().st_size for name in model.weights.files),
        sha256=model.weights.files,
        verified=model.weights.verified,
    )


def _state(source: Source, *, was_here: bool, force: bool) -> str:
    is_local = source is not Source.HUB
    return "there already" if is_local or (was_here and not force) else "fetched"


def _describe(item: Fetched) -> str:
    check = "verified" if item.verified else "unverified: no digest is pinned"
    size = "unknown size" if item.size_bytes is None else format_bytes(item.size_bytes)
    lines = [
        f"{item.kind:11}{item.id}",
        f"  {item.state}, {size}, {check}",
        f"  revision {item.revision or '-'}",
    ]
    for name, sha256 in item.sha256.items():
        lines += [f"  {name}", f"    {sha256}"]
    return "\n".join(lines)
