"""The catalogue of pinned data, models and workloads (TOML)."""

import os
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from nobs.catalog.sources import package_sources, user_source
from nobs.catalog.tables import Catalog, add_tables
from nobs.settings import CATALOG_VARIABLE

__all__ = ["Catalog", "load_catalog", "read_catalog"]


_EMPTY = Catalog(models={}, datasets={}, workloads={}, profiles={}, architectures={})


def load_catalog() -> Catalog:
    """Return NOBS's catalogue with those of installed packages and of the user's file.

    UsageError if the file of --catalog or NOBS_CATALOG is invalid.
    """
    return read_catalog(os.environ.get(CATALOG_VARIABLE, ""))


@cache
def read_catalog(named: str) -> Catalog:
    """Return the whole catalogue, including `FILE[@sha256:HEX]` if given."""
    catalog = add_tables(_EMPTY, _own_tables())
    for source in (*package_sources(), *([user_source(named)] if named else [])):
        catalog = add_tables(catalog, source.tables, source)
    return catalog


def _own_tables() -> dict[str, Any]:
    names = ("models", "datasets", "workloads", "architectures")
    tables = {name: _read(name) for name in names}
    return {**tables, "profiles": tables["workloads"].pop("profiles")}


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8"))
