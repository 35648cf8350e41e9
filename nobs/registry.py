"""Registries of tasks, backends and other extensions, imported on first use."""

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any, cast

from nobs.errors import RequirementError, UsageError


class Registry[T]:
    """Names of one kind, each with a `module:attribute` that is imported on first use.

    Packages add names by an entry-point group; they can't replace a built-in name.
    """

    def __init__(self, kind: str, builtin: Mapping[str, str], *, group: str) -> None:
        self.kind = kind
        self.group = group
        self._builtin = dict(builtin)
        self._loaded: dict[str, T] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._builtin or name in self._plugins()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def names(self) -> tuple[str, ...]:
        """Return the built-in names in order, then those of other packages, sorted."""
        return (*self._builtin, *sorted(self._plugins()))

    def is_builtin(self, name: str) -> bool:
        """Whether `name` is one of NOBS's own."""
        return name in self._builtin

    def load(self, name: str) -> T:
        """Import and return the object called `name`; UsageError if it is unknown."""
        if name not in self._loaded:
            self._loaded[name] = self._import(name)
        return self._loaded[name]

    def _import(self, name: str) -> T:
        if name in self._builtin:
            return cast(T, resolve(self._builtin[name]))
        plugin = self._plugins().get(name)
        if plugin is None:
            raise UsageError(
                f"There is no {self.kind} {str(name)!r}.",
                f"Choose one of: {', '.join(self.names())}.",
            )
        return self._import_plugin(plugin)

    def _import_plugin(self, plugin: EntryPoint) -> T:
        try:
            return cast(T, resolve(plugin.value))
        except Exception as error:
            package = plugin.dist.name if plugin.dist else "an unknown package"
            raise RequirementError(
                f"The {self.kind} {plugin.name!r} of {package} can't be loaded from "
                f"{plugin.value}: {error}.",
                f"Repair or uninstall {package}.",
            ) from error

    def _plugins(self) -> dict[str, EntryPoint]:
        found = find_entry_points(self.group)
        return {plugin.name: plugin for plugin in found if plugin.name not in self._builtin}


def find_entry_points(group: str) -> EntryPoints:
    """Return what installed packages add to `group`; all packages are read once per `sys.path`."""
    return _entry_points_on(tuple(sys.path)).select(group=group)


@cache
def _entry_points_on(_path: tuple[str, ...]) -> EntryPoints:
    return entry_points()


def resolve(target: str) -> Any:  # noqa: ANN401 - the table says what it is
    """Import and return `module:attribute`."""
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)
