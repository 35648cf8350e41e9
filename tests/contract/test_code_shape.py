"""What the code keeps to, where a linter doesn't look."""

import ast
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
MODULES = sorted((REPO / "nobs").rglob("*.py"))
TESTS = sorted((REPO / "tests").rglob("*.py"))
OTHERS = [*TESTS, *(REPO / "tools").rglob("*.py"), *(REPO / "benchmarks").rglob("*.py")]
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60
HEAVY = {"diffusers", "sentence_transformers", "sklearn", "torch", "transformers"}
"""Packages that take seconds to import."""
MARK = "heavy"
OF_CONTAINERS = REPO / "tests" / "container"
MAY_PRINT = ("nobs/cli/", "nobs/render/")

OF_TESTS = ("tests.unit.", "tests.flow.", "tests.contract.")

type Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(REPO).as_posix()


@dataclass
class Shape:
    """What a file has, as lines and names."""

    functions: dict[str, int] = field(default_factory=dict)
    """The lines of each function."""
    imported: list[str] = field(default_factory=list)
    imported_at_once: list[str] = field(default_factory=list)
    """Those of them that are imported with the module."""
    prints: list[int] = field(default_factory=list)
    takes_mocker: bool = False


@cache
def shape(path: Path) -> Shape:
    """Read a file once for all tests."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = Shape(imported_at_once=[name for node in tree.body for name in names_in(node)])
    for node in ast.walk(tree):
        found.imported += names_in(node)
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found.functions[f"{node.lineno} {node.name}"] = length(node)
            case ast.Call(func=ast.Name(id="print")):
                found.prints.append(node.lineno)
            case ast.arg(arg="mocker"):
                found.takes_mocker = True
            case _:
                pass
    return found


def names_in(node: ast.AST) -> list[str]:
    """Return what a statement imports."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), names=names):
            return [f"{module}.{alias.name}" for alias in names]
        case _:
            return []


def length(function: Function) -> int:
    """Lines from `def` to the end, without the docstring."""
    has_docstring = ast.get_docstring(function, clean=False) is not None
    first = function.body[0]
    docstring = (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def test_no_file_is_longer_than_a_few_screens() -> None:
    lines = {name_of(path): len(path.read_bytes().splitlines()) for path in [*MODULES, *OTHERS]}

    assert {name: n for name, n in lines.items() if n > MAX_FILE_LINES} == {}


def test_no_function_is_long() -> None:
    functions = {
        f"{name_of(path)}:{name}": lines
        for path in MODULES
        for name, lines in shape(path).functions.items()
    }

    assert {name: n for name, n in functions.items() if n > MAX_FUNCTION_LINES} == {}


def test_tests_use_no_mocks() -> None:
    users = {name_of(path) for path in TESTS if uses_mocks(path)}

    assert users == set()


def uses_mocks(path: Path) -> bool:
    found = shape(path)
    return found.takes_mocker or any(
        name.startswith(("unittest.mock", "mock")) for name in found.imported
    )


def test_no_test_module_is_a_library_of_others() -> None:
    users = {
        name_of(path): [name for name in shape(path).imported if name.startswith(OF_TESTS)]
        for path in OTHERS
    }

    assert {user: names for user, names in users.items() if names} == {}, "belongs in tests/fakes"


def test_modules_of_tests_that_import_torch_are_marked_to_run_in_one_process() -> None:
    tests = [
        path
        for path in TESTS
        if path.name.startswith("test_") and OF_CONTAINERS not in path.parents
    ]
    marked = {path for path in tests if f"mark.{MARK}" in path.read_text(encoding="utf-8")}

    assert {name_of(path) for path in heavy_modules() & {*tests}} == set(map(name_of, marked))


def heavy_modules() -> set[Path]:
    """Return the modules that import a heavy package, or one that does."""
    places = {
        name_of(path).removesuffix(".py").replace("/", "."): path for path in MODULES + OTHERS
    }
    names, found = HEAVY, set[Path]()
    while names:
        more = {
            name: path
            for name, path in places.items()
            if path not in found and imports_any_of(path, names)
        }
        names = set(more)
        found |= set(more.values())
    return found


def imports_any_of(path: Path, names: set[str]) -> bool:
    imported = shape(path).imported_at_once
    return any(f"{name}.".startswith(f"{each}.") for name in imported for each in names)


def test_only_command_line_and_renderers_print() -> None:
    calls = [
        f"{name_of(path)}:{line}"
        for path in MODULES
        if not name_of(path).startswith(MAY_PRINT)
        for line in shape(path).prints
    ]

    assert calls == []


def test_only_launch_imports_the_docker_sdk() -> None:
    users = {
        name_of(path)
        for path in MODULES
        if any(name.split(".")[0] == "docker" for name in shape(path).imported)
    }

    assert users
    assert {user for user in users if not user.startswith("nobs/launch/")} == set()


def test_the_folder_of_recipes_does_not_shadow_the_docker_sdk() -> None:
    code = "import docker; print(docker.__file__, docker.from_env.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True
    )

    assert not (REPO / "docker" / "__init__.py").exists()
    assert not done.stdout.startswith(str(REPO / "docker"))
    assert done.stdout.split()[-1] == "from_env"
