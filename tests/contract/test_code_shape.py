"""What the code keeps to, where a linter doesn't look."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
MODULES = sorted((REPO / "nobs").rglob("*.py"))
TESTS = sorted((REPO / "tests").rglob("*.py"))
OTHERS = [*TESTS, *(REPO / "tools").rglob("*.py"), *(REPO / "benchmarks").rglob("*.py")]
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60
MAY_PRINT = ("nobs/cli/", "nobs/render/")

OF_TESTS = ("tests.unit.", "tests.flow.", "tests.contract.")

type Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(REPO).as_posix()


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def length(function: Function) -> int:
    """Lines from `def` to the end, without the docstring."""
    has_docstring = ast.get_docstring(function, clean=False) is not None
    first = function.body[0]
    docstring = (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def functions() -> dict[str, int]:
    return {
        f"{name_of(path)}:{node.lineno} {node.name}": length(node)
        for path in MODULES
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def imported(path: Path) -> Iterator[str]:
    for node in nodes(path):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (f"{module}.{alias.name}" for alias in names)


def test_no_file_is_longer_than_a_few_screens() -> None:
    lines = {name_of(path): len(path.read_bytes().splitlines()) for path in [*MODULES, *OTHERS]}

    assert {name: n for name, n in lines.items() if n > MAX_FILE_LINES} == {}


def test_no_function_is_long() -> None:
    assert {name: n for name, n in functions().items() if n > MAX_FUNCTION_LINES} == {}


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_tests_use_no_mocks(path: Path) -> None:
    mocks = [name for name in imported(path) if name.startswith(("unittest.mock", "mock.", "mock"))]

    assert mocks == []
    assert not any(isinstance(node, ast.arg) and node.arg == "mocker" for node in nodes(path))


def test_no_test_module_is_a_library_of_others() -> None:
    users = {
        name_of(path): [name for name in imported(path) if name.startswith(OF_TESTS)]
        for path in OTHERS
    }

    assert {user: names for user, names in users.items() if names} == {}, "belongs in tests/fakes"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_command_line_and_renderers_print(path: Path) -> None:
    calls = [
        node.lineno
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]

    assert name_of(path).startswith(MAY_PRINT) or calls == []


def test_only_launch_imports_the_docker_sdk() -> None:
    users = {
        name_of(path)
        for path in MODULES
        if any(name.split(".")[0] == "docker" for name in imported(path))
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
