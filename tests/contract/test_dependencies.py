"""What the code imports is declared, what is declared is imported, and the lock files have it."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from nobs.catalog import load_catalog

REPO = Path(__file__).resolve().parents[2]
OF_THE_WORKER = (
    "nobs/data/", "nobs/runner/", "nobs/tasks/", "nobs/system/nvml.py", "nobs/system/telemetry/",
    "nobs/providers/llamacpp_server.py",
)  # fmt: skip
"""Rooms that may import what the launcher alone doesn't have."""
OF_A_DRIVER = {"amdsmi"}
"""Comes with ROCm, not from the package index."""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))
    return table["project"]  # type: ignore[no-any-return]


def names_of(requirements: list[str]) -> set[str]:
    found = (re.match(r"[\w.-]+", requirement) for requirement in requirements)
    return {normal(each[0]) for each in found if each}


def base() -> set[str]:
    return names_of(project()["dependencies"])


def extras() -> set[str]:
    return set().union(*map(names_of, project()["optional-dependencies"].values()))


def imports_of(module: Path) -> Iterator[str]:
    """Yield the top-level packages of others that `module` imports, wherever in it."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names):
                found = [name.name for name in names]
            case ast.ImportFrom(module=str(name), level=0):
                found = [name]
            case _:
                continue
        tops = {name.partition(".")[0] for name in found}
        yield from tops - set(sys.stdlib_module_names) - {"nobs"}


def distributions_of(package: str) -> set[str]:
    """The names by which a package is installed; its own where it isn't installed here."""
    return {normal(name) for name in _installed().get(package, [package])}


@cache
def _installed() -> Mapping[str, list[str]]:
    return packages_distributions()


def undeclared(module: Path) -> set[str]:
    is_worker = str(module.relative_to(REPO)).startswith(OF_THE_WORKER)
    declared = base() | extras() if is_worker else base()
    imported = set(imports_of(module)) - OF_A_DRIVER
    return {package for package in imported if not distributions_of(package) & declared}


MODULES = sorted((REPO / "nobs").rglob("*.py"))


def test_every_imported_package_is_declared() -> None:
    found = {str(module.relative_to(REPO)): undeclared(module) for module in MODULES}

    assert {module: packages for module, packages in found.items() if packages} == {}


def test_every_declared_package_is_imported_or_brings_weights() -> None:
    imported = {package for module in MODULES for package in imports_of(module)}
    used = set().union(*map(distributions_of, imported))
    of_models = {str(model.package).partition(":")[0] for model in load_catalog().models.values()}

    assert (base() | extras()) - used - {normal(name) for name in of_models} == set()


@pytest.mark.parametrize(
    ("lock", "wanted"), [("base.txt", base()), ("dev.txt", base() | extras() - {"torch"})]
)
def test_a_lock_file_has_what_is_declared(lock: str, wanted: set[str]) -> None:
    text = (REPO / "requirements" / lock).read_text(encoding="utf-8")
    locked = {normal(name) for name in re.findall(r"^([\w.-]+)==", text, flags=re.MULTILINE)}

    assert wanted - locked == set()
