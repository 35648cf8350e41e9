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
OF_EXTRAS = {
    "nobs/providers/llamacpp_server.py": "quick", "nobs/providers/encoder_server.py": "bench",
    "nobs/tasks/diffusion/": "diffusion",
}  # fmt: skip
"""Files and folders that may import what an extra brings; all others of the worker, `bench`."""
OF_THE_WORKER = (
    "nobs/data/", "nobs/runner/", "nobs/tasks/", "nobs/system/nvml.py", "nobs/system/telemetry/",
    *OF_EXTRAS,
)  # fmt: skip
"""Rooms that may import what the launcher alone doesn't have."""
GUARDED = {"nobs.data.models.open_model"}
"""What `nobs prefetch` imports in a function and, where the extra is missing, names the extra."""
OF_A_DRIVER = {"amdsmi"}
"""Comes with ROCm, not from the package index."""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def declared_in_project() -> dict[str, Any]:
    return tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))


def project() -> dict[str, Any]:
    return declared_in_project()["project"]  # type: ignore[no-any-return]


def groups() -> dict[str, list[str]]:
    return declared_in_project()["dependency-groups"]  # type: ignore[no-any-return]


def names_of(requirements: list[str]) -> set[str]:
    found = (re.match(r"[\w.-]+", requirement) for requirement in requirements)
    return {normal(each[0]) for each in found if each}


def base() -> set[str]:
    return names_of(project()["dependencies"])


def extras() -> set[str]:
    return set().union(*map(names_of, project()["optional-dependencies"].values()))


def statements_of(module: Path) -> Iterator[tuple[ast.AST, bool]]:
    """Yield each statement, and whether it runs as soon as `module` is imported."""
    waiting: list[tuple[ast.AST, bool]] = [(ast.parse(module.read_text(encoding="utf-8")), True)]
    while waiting:
        node, eager = waiting.pop()
        yield node, eager
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                waiting += [(child, False) for child in node.body]
            case ast.If(test=ast.Name("TYPE_CHECKING"), body=body, orelse=orelse):
                waiting += [(child, False) for child in body]
                waiting += [(child, eager) for child in orelse]
            case _:
                children = ast.iter_child_nodes(node)
                waiting += [(child, eager) for child in children if not isinstance(child, ast.expr)]


def names_in(module: Path, *, eager: bool = False) -> tuple[str, ...]:
    """Return the dotted names that `module` imports: of modules, or of what is in them.

    Where `eager`, only those that are imported with it.
    """
    return tuple(name for name, at_once in _names_in(module) if at_once or not eager)


@cache
def _names_in(module: Path) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    for node, eager in statements_of(module):
        match node:
            case ast.Import(names):
                found += ((name.name, eager) for name in names)
            case ast.ImportFrom(module=str(name), names=names, level=0):
                found += ((f"{name}.{each.name}", eager) for each in names)
            case _:
                pass
    return found


def imports_of(module: Path, *, eager: bool = False) -> set[str]:
    """Return the top-level packages of others that `module` imports."""
    tops = {name.partition(".")[0] for name in names_in(module, eager=eager)}
    return tops - set(sys.stdlib_module_names) - {"nobs", "tests", "tools", "benchmarks"}


def modules_of(name: str) -> Iterator[Path]:
    """Yield the own modules that an import of the dotted `name` runs."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        place = REPO.joinpath(*parts[:count])
        yield from (f for f in (place / "__init__.py", place.with_suffix(".py")) if f.is_file())


def is_of_worker(module: Path) -> bool:
    return str(module.relative_to(REPO)).startswith(OF_THE_WORKER)


@cache
def launcher_modules() -> frozenset[Path]:
    """Every module that runs where only the base dependencies are installed."""
    waiting, found = [module for module in MODULES if not is_of_worker(module)], set[Path]()
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            names = set(names_in(module, eager=is_of_worker(module))) - GUARDED
            waiting += (each for name in names for each in modules_of(name))
    return frozenset(found)


def distributions_of(package: str) -> set[str]:
    """The names by which a package is installed; its own where it isn't installed here."""
    return {normal(name) for name in _installed().get(package, [package])}


@cache
def _installed() -> Mapping[str, list[str]]:
    return packages_distributions()


def undeclared(module: Path) -> set[str]:
    """Return the packages that `module` may import though where it runs they can be missing."""
    anywhere = imports_of(module) - OF_A_DRIVER
    if not is_of_worker(module):
        return missing(anywhere, base())
    at_once = imports_of(module, eager=True) if module in launcher_modules() else set()
    return missing(anywhere, base() | extra_of(module)) | missing(at_once, base())


def extra_of(module: Path) -> set[str]:
    place = str(module.relative_to(REPO))
    name = next((extra for room, extra in OF_EXTRAS.items() if place.startswith(room)), "bench")
    return names_of(project()["optional-dependencies"][name])


def missing(packages: set[str], declared: set[str]) -> set[str]:
    return {package for package in packages if not distributions_of(package) & declared}


MODULES = sorted((REPO / "nobs").rglob("*.py"))


def test_every_imported_package_is_declared() -> None:
    found = {str(module.relative_to(REPO)): undeclared(module) for module in MODULES}

    assert {module: packages for module, packages in found.items() if packages} == {}


@pytest.mark.parametrize("room", ["tests", "tools", "benchmarks"])
def test_what_only_a_checkout_imports_is_declared_too(room: str) -> None:
    imported = {name for module in (REPO / room).rglob("*.py") for name in imports_of(module)}

    assert missing(imported, base() | extras() | names_of(groups()["dev"])) == set()


@pytest.mark.parametrize(
    ("source", "eager"),
    [
        ("import numpy", {"numpy"}),
        ("def load():\n    import numpy", set()),
        ("if TYPE_CHECKING:\n    import numpy", set()),
        ("class Table:\n    from numpy.linalg import norm", {"numpy"}),
    ],
)
def test_an_import_in_a_function_does_not_run_with_its_module(
    tmp_path: Path, source: str, eager: set[str]
) -> None:
    (tmp_path / "module.py").write_text(source, encoding="utf-8")

    assert imports_of(tmp_path / "module.py") == {"numpy"}
    assert imports_of(tmp_path / "module.py", eager=True) == eager


def test_every_declared_package_is_imported_or_brings_weights() -> None:
    imported = {package for module in MODULES for package in imports_of(module)}
    used = set().union(*map(distributions_of, imported))
    of_models = {str(model.package).partition(":")[0] for model in load_catalog().models.values()}

    assert (base() | extras()) - used - {normal(name) for name in of_models} == set()


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("base.txt", base()),
        ("check-gpu.txt", base() | names_of(groups()["check-gpu"])),
        ("dev.txt", base() | extras() - {"torch"} | names_of(groups()["dev"])),
    ],
)
def test_a_lock_file_has_what_is_declared(lock: str, wanted: set[str]) -> None:
    text = (REPO / "requirements" / lock).read_text(encoding="utf-8")
    locked = {normal(name) for name in re.findall(r"^([\w.-]+)==", text, flags=re.MULTILINE)}

    assert wanted - locked == set()
