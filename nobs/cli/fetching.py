"""Fetching texts and weights ahead of a run, for people who watch and for programs that read."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from nobs.catalog import load_catalog
from nobs.cli.words import to_request
from nobs.errors import RequirementError
from nobs.launch.planning.hub_cache import find_file, find_model
from nobs.launch.planning.options import check_options, options_for
from nobs.launch.planning.request import RunRequest
from nobs.launch.planning.workloads import choose_workload
from nobs.schema.pins import DatasetPin, ModelPin, Source
from nobs.settings import hub_cache, hub_offline
from nobs.units import format_bytes


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """Texts or weights that are here now."""

    kind: str
    id: str
    revision: str | None
    state: str
    """`fetched` or `there already`."""
    size_bytes: int
    sha256: dict[str, str]
    """Digest by file; of texts without a file, that of the rows."""
    verified: bool
    """Whether a pinned digest was met."""


def fetch_all(words: Mapping[str, Any], *, force: bool, as_json: bool) -> None:
    """Fetch what the chosen workloads need, each thing once; print it as it comes."""
    fetched = []
    for pin in _pins(to_request(words)):
        click.echo(f"fetching {pin.id} ({pin.source})", err=True)
        fetched.append(_fetch(pin, force=force))
        if not as_json:
            click.echo(_describe(fetched[-1]))
    if as_json:
        click.echo(json.dumps([asdict(item) for item in fetched], indent=2))


def _fetch(pin: DatasetPin | ModelPin, *, force: bool) -> Fetched:
    with _needs_bench():
        return _fetch_model(pin, force) if isinstance(pin, ModelPin) else _fetch_texts(pin, force)


def _pins(request: RunRequest) -> Iterator[DatasetPin | ModelPin]:
    catalog = load_catalog()
    check_options(request, catalog)
    tasks = request.tasks or catalog.tasks(request.profile)
    workloads = [
        choose_workload(task, options_for(task, request, tasks), catalog) for task in tasks
    ]
    yield from dict.fromkeys(workload.dataset for workload in workloads)
    models = dict.fromkeys(model for workload in workloads for model in workload.models)
    yield from (model for model in models if model.source is not Source.SERVER)


@contextlib.contextmanager
def _needs_bench() -> Iterator[None]:
    """Say which extra brings what a launcher alone doesn't have."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise RequirementError(
            f"Fetching needs the package {error.name}, which isn't installed.",
            'Install it with `pip install "nobs[bench]"` (`make setup` in a checkout), or let a '
            "container fetch: `nobs run --execution container`.",
        ) from error


def _fetch_texts(pin: DatasetPin, force: bool) -> Fetched:
    from nobs.data.texts import load_texts  # noqa: PLC0415 - its readers need the bench extra

    before = find_file(pin, hub_cache())
    evidence = load_texts(pin, offline=hub_offline(), force=force).evidence
    file = _file_of(pin)
    name = Path(pin.file or pin.id).name
    whole = {name: evidence.file_sha256} if evidence.file_sha256 else {}
    return Fetched(
        kind="texts",
        id=pin.id,
        revision=pin.revision,
        state=_state(pin.source, was_here=before is not None, force=force),
        size_bytes=file.stat().st_size if file else pin.file_bytes or evidence.characters,
        sha256=whole or {f"{evidence.rows} rows": evidence.rows_sha256},
        verified=evidence.file_verified or evidence.rows_verified,
    )


def _file_of(pin: DatasetPin) -> Path | None:
    return Path(pin.id) if pin.source is Source.PATH else find_file(pin, hub_cache())


def _fetch_model(pin: ModelPin, force: bool) -> Fetched:
    from nobs.data.models import open_model  # noqa: PLC0415 - needs the bench extra

    before = find_model(pin, hub_cache())
    model = open_model(pin, offline=hub_offline(), force=force)
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
    lines = [
        f"{item.kind:11}{item.id}",
        f"  {item.state}, {format_bytes(item.size_bytes)}, {check}",
        f"  revision {item.revision or '-'}",
    ]
    for name, sha256 in item.sha256.items():
        lines += [f"  {name}", f"    {sha256}"]
    return "\n".join(lines)
