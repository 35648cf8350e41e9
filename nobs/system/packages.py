"""Installed Python packages, by their names in pip."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version


def find_version(name: str) -> str | None:
    """Return the version of a package, None if it isn't installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def find_missing(names: Iterable[str]) -> tuple[str, ...]:
    """Return those that aren't installed."""
    return tuple(name for name in names if find_version(name) is None)
