"""The catalogue: which data, models and parameters NOBS measures with. Pins are data (TOML)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from nobs.errors import UsageError
from nobs.schema.pins import DatasetPin, ModelPin, Workload


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """All pins, each under the name people use."""

    models: Mapping[str, ModelPin]
    datasets: Mapping[str, DatasetPin]
    workloads: Mapping[str, Workload]
    """By label, as in `embeddings/1`."""
    profiles: Mapping[str, tuple[str, ...]]
    """Labels of the workloads of each profile."""

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


@cache
def load_catalog() -> Catalog:
    """Read the catalogue that travels with NOBS."""
    models = {name: ModelPin(id=name, **table) for name, table in _tables("models").items()}
    datasets = {name: DatasetPin(id=name, **table) for name, table in _tables("datasets").items()}
    tables = _tables("workloads")
    profiles = {name: tuple(labels) for name, labels in tables.pop("profiles").items()}
    workloads = {label: _workload(label, tables[label], models, datasets) for label in tables}
    return Catalog(
        models=MappingProxyType(models),
        datasets=MappingProxyType(datasets),
        workloads=MappingProxyType(workloads),
        profiles=MappingProxyType(profiles),
    )


def _tables(name: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads(files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def _workload(
    label: str,
    table: dict[str, Any],
    models: Mapping[str, ModelPin],
    datasets: Mapping[str, DatasetPin],
) -> Workload:
    name, _, version = label.partition("/")
    return Workload(
        name=name,
        version=int(version),
        dataset=datasets[table.pop("dataset")],
        models=tuple(models[model] for model in table.pop("models")),
        **table,
    )
