"""Tables of a catalogue: models, data sets, workloads, profiles and architectures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from nobs.catalog.sources import CatalogSource
from nobs.errors import UsageError
from nobs.schema.pins import Architecture, DatasetPin, ModelPin, Source, Workload

_TABLES = ("models", "datasets", "workloads", "profiles", "architectures")


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """All pins by name."""

    models: Mapping[str, ModelPin]
    datasets: Mapping[str, DatasetPin]
    workloads: Mapping[str, Workload]
    """By label, as in `embeddings/1`."""
    profiles: Mapping[str, tuple[str, ...]]
    """Labels of the workloads of each profile."""
    architectures: Mapping[str, Architecture]
    """What `--weights random` builds, by the model's name."""
    served_names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What servers call a model, by its name here and by provider: no part of its pin."""

    def workload(self, task: str, profile: str) -> Workload:
        """Return the workload of `task` in `profile`; UsageError if there is none."""
        for label in self._labels(profile):
            if self.workloads[label].task == task:
                return self.workloads[label]
        raise UsageError(
            f"Profile {profile!r} has no workload of task {task!r}.",
            f"Choose one of its tasks: {', '.join(self.tasks(profile))}.",
        )

    def tasks(self, profile: str) -> tuple[str, ...]:
        """Return the tasks that `profile` covers, in its order; UsageError if there is none."""
        return tuple(dict.fromkeys(self.workloads[label].task for label in self._labels(profile)))

    def _labels(self, profile: str) -> tuple[str, ...]:
        if profile not in self.profiles:
            raise UsageError(
                f"There is no profile {profile!r}.", f"Choose one of: {', '.join(self.profiles)}."
            )
        return self.profiles[profile]


def add_tables(
    catalog: Catalog, tables: Mapping[str, Any], source: CatalogSource | None = None
) -> Catalog:
    """Return `catalog` extended by `tables`, whose workloads may use its models and data sets.

    UsageError for invalid tables of a package or a user; existing names can't be replaced.
    """
    try:
        return _add(catalog, tables, source)
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError) as error:
        if source is None:
            raise
        raise UsageError(
            f"The catalogue {source.name} can't be used: {_explain(error)}.",
            "See docs/how-to/add-a-model.md for what a catalogue holds.",
        ) from error


def _add(catalog: Catalog, tables: Mapping[str, Any], source: CatalogSource | None) -> Catalog:
    if unknown := set(tables) - set(_TABLES):
        raise ValueError(
            f"it has the unknown table {', '.join(sorted(unknown))}; known are {', '.join(_TABLES)}"
        )
    models, datasets, workloads = (dict(tables.get(name, {})) for name in _TABLES[:3])
    served = {name: dict(table["names"]) for name, table in models.items() if "names" in table}
    models = {n: {k: v for k, v in t.items() if k != "names"} for n, t in models.items()}
    profiles = dict(tables.get("profiles", {}))
    if source and workloads and not profiles:
        profiles = {source.profile: list(workloads)}
    known_models = _join(catalog.models, {n: ModelPin(id=n, **t) for n, t in models.items()})
    if made_up := [name for name, model in known_models.items() if model.source is Source.RANDOM]:
        raise ValueError(
            f"{made_up[0]} has the source random, which only --weights random chooses; describe it"
            f" in [architectures]"
        )
    known_data = _join(catalog.datasets, {n: DatasetPin(id=n, **t) for n, t in datasets.items()})
    known_work = _join(
        catalog.workloads,
        {
            label: _workload(label, dict(table), known_models, known_data, source)
            for label, table in workloads.items()
        },
    )
    for name, labels in profiles.items():
        if missing := [label for label in labels if label not in known_work]:
            raise ValueError(f"profile {name} names {', '.join(missing)}, which isn't a workload")
    chosen = {name: tuple(labels) for name, labels in profiles.items()}
    return Catalog(
        models=known_models,
        datasets=known_data,
        workloads=known_work,
        profiles=_join(catalog.profiles, chosen),
        architectures=_join(
            catalog.architectures,
            {n: Architecture(**t) for n, t in tables.get("architectures", {}).items()},
        ),
        served_names={**catalog.served_names, **served},
    )


def _join[T](known: Mapping[str, T], added: Mapping[str, T]) -> Mapping[str, T]:
    if taken := set(known) & set(added):
        raise ValueError(f"{', '.join(sorted(taken))} is already in the catalogue; rename it")
    return MappingProxyType({**known, **added})


def _workload(
    label: str,
    table: dict[str, Any],
    models: Mapping[str, ModelPin],
    datasets: Mapping[str, DatasetPin],
    source: CatalogSource | None,
) -> Workload:
    name, _, version = label.partition("/")
    if not name or not version.isdecimal():
        raise ValueError(f"workload {label!r} isn't called NAME/VERSION, as in {name or 'mine'}/1")
    dataset, wanted = table.pop("dataset", None), table.pop("models", ())
    if dataset not in datasets:
        raise ValueError(f"{label} names the data set {dataset!r}, which isn't in the catalogue")
    if absent := [model for model in wanted if model not in models]:
        raise ValueError(f"{label} names the model {absent[0]!r}, which isn't in the catalogue")
    return Workload(
        name=name,
        version=int(version),
        dataset=datasets[dataset],
        models=tuple(models[model] for model in wanted),
        catalog=source.ref if source else None,
        open_reasons=(*(source.open_reasons if source else ()), *_unpinned(datasets[dataset])),
        **table,
    )


def _unpinned(dataset: DatasetPin) -> Iterator[str]:
    """Yield that nobody could read the commit of the data set yet: its newest one is measured."""
    if dataset.source is Source.HUB and dataset.revision is None:
        yield "dataset.revision: not pinned yet"


def _explain(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    fault = error.errors(include_url=False, include_input=False)[0]
    return f"{error.title}, {'.'.join(map(str, fault['loc']))}: {fault['msg']}"
