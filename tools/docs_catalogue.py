"""Makes docs/reference/catalogue.md from the catalogue and the registries."""

import sys
from collections.abc import Iterator
from pathlib import Path

from nobs.backends import BACKENDS
from nobs.catalog import Catalog, load_catalog
from nobs.providers import PROVIDERS
from nobs.schema.pins import DatasetPin, ModelPin, RepeatPolicy, Source, Workload
from nobs.tasks import TASKS
from tools.pages import fill, table

REPO = Path(__file__).resolve().parent.parent
THOUSAND_MILLIONS = 1000


def page() -> str:
    """Return the whole page."""
    catalog = load_catalog()
    return fill(
        "catalogue",
        {
            "tasks": table("task|measures|unit", _tasks()),
            "options": table("task|options|in a run of this task alone", _options()),
            "workloads": table("profile|workload|data set|models|parameters", _workloads(catalog)),
            "models": table("model|parameters|from|licence", map(_model, catalog.models.values())),
            "datasets": table(
                "data set|rows|from|licence", map(_dataset, catalog.datasets.values())
            ),
            "providers": table("provider|serves|usual URL", _providers()),
            "backends": table("backend|hardware|in a container|files", _backends()),
        },
    )


def _tasks() -> Iterator[tuple[str, ...]]:
    for name in TASKS:
        task = TASKS.load(name)
        yield f"`{name}`", _first_line(task).partition(": ")[2], task.unit


def _options() -> Iterator[tuple[str, ...]]:
    for name in TASKS:
        task = TASKS.load(name)
        flags: dict[bool, list[str]] = {False: [], True: []}
        for option in task.options:
            flags[option.name in task.options_alone].append(f"`{option.flag}`")
        yield f"`{name}`", *map(", ".join, flags.values())


def _workloads(catalog: Catalog) -> Iterator[tuple[str, ...]]:
    for profile, labels in catalog.profiles.items():
        for workload in (catalog.workloads[label] for label in labels):
            dataset = workload.dataset
            models = ", ".join(f"`{model.id}`" for model in workload.models)
            rows = f"`{dataset.id}`, {dataset.rows} rows"
            yield f"`{profile}`", f"`{workload.label}`", rows, models, _parameters(workload)


def _parameters(workload: Workload) -> str:
    params = workload.params.model_dump(mode="json", exclude={"kind"}, exclude_none=True)
    default = dict(RepeatPolicy())
    policy = {name: value for name, value in workload.policy if value != default[name]}
    return ", ".join(f"`{name}` {_short(value)}" for name, value in (params | policy).items())


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _model(model: ModelPin) -> tuple[str, ...]:
    million = model.parameters_m
    size = "unknown"
    if million:
        is_large = million >= THOUSAND_MILLIONS
        size = f"{million / THOUSAND_MILLIONS:g} B" if is_large else f"{million:g} M"
    return f"`{model.id}`", size, _source(model), model.licence or "unknown"


def _dataset(dataset: DatasetPin) -> tuple[str, ...]:
    return f"`{dataset.id}`", str(dataset.rows), _source(dataset), dataset.licence or "unknown"


def _source(pin: ModelPin | DatasetPin) -> str:
    """Return where weights or texts come from and how far they are pinned."""
    package = pin.package if isinstance(pin, ModelPin) else None
    match pin.source:
        case Source.HUB:
            origin = f"the hub at `{pin.revision[:7]}`" if pin.revision else "the hub"
        case Source.PACKAGE | Source.SERVER if package:
            module = package.partition(":")[0]
            server = "embedded server, " if pin.source is Source.SERVER else ""
            origin = f"{server}package `{module}`"
        case Source.SERVER:
            origin = "the server's model of this name"
        case _:
            origin = "comes with NOBS"
    digest = pin.weights_sha256 if isinstance(pin, ModelPin) else pin.file_sha256 or pin.rows_sha256
    return f"{origin}; sha256 pinned" if digest else origin


def _providers() -> Iterator[tuple[str, ...]]:
    for name in PROVIDERS:
        provider = PROVIDERS.load(name)
        yield f"`{name}`", provider.title, f"`{provider.default_url}`" * bool(provider.default_url)


def _backends() -> Iterator[tuple[str, ...]]:
    for name in BACKENDS:
        backend = BACKENDS.load(name)
        refusal = backend.container_refusal
        files = [f"docker/{name}.Dockerfile", f"compose/{name}.yaml"]
        there = ", ".join(f"`{file}`" for file in files if (REPO / file).exists())
        yield f"`{name}`", _first_line(backend), f"no: {refusal}" if refusal else "yes", there


def _first_line(definition: object) -> str:
    """Return what the docstring of a definition's module says first, without the full stop."""
    text = sys.modules[type(definition).__module__].__doc__ or ""
    return text.partition("\n")[0].removesuffix(".")
