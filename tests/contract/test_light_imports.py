"""What must not be imported: each case in a child process that reports its modules."""

import json
import subprocess
import sys
from pathlib import Path

from nobs.cli import COMMANDS

REPO = Path(__file__).resolve().parents[2]
HEAVY = {
    "torch", "transformers", "datasets", "sentence_transformers", "pyarrow", "numpy", "openai",
    "httpx2", "tenacity",
}  # fmt: skip
REPORT = "import json, sys; print('\\n' + json.dumps(sorted(sys.modules)))"

LOAD_REGISTRIES = """
import importlib, pkgutil, nobs
from nobs.registry import Registry
for module in pkgutil.iter_modules(nobs.__path__, "nobs."):
    if module.ispkg:
        package = importlib.import_module(module.name)
        for registry in [value for value in vars(package).values() if isinstance(value, Registry)]:
            for name in registry:
                print(registry.kind, name, type(registry.load(name)).__name__)
"""
SHOW_HELP = """
from nobs.cli import cli
for words in {words!r}:
    assert cli.main(words, prog_name="nobs", standalone_mode=False) == 0
"""


def imported(code: str, path: Path) -> tuple[set[str], str]:
    """Run `code`; return the names of all modules that it brought along, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT}"],
        cwd=path,
        env={"PYTHONPATH": str(REPO), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    output, _, modules = done.stdout.rstrip().rpartition("\n")
    return set(json.loads(modules)), output


def test_every_registry_entry_is_light(tmp_path: Path) -> None:
    modules, output = imported(LOAD_REGISTRIES, tmp_path)
    assert modules & (HEAVY | {"docker"}) == set()
    for entry in ("backend cuda", "backend rocm", "backend mps", "backend cpu", "task embeddings",
                  "provider lmstudio"):  # fmt: skip
        assert entry in output


def test_the_overview_is_light(tmp_path: Path) -> None:
    modules, output = imported(SHOW_HELP.format(words=[["--help"]]), tmp_path)
    assert modules & (HEAVY | {"docker", "pydantic", "rich", "requests", "psutil"}) == set()
    assert all(name in output for name in COMMANDS)


def test_the_help_of_run_is_light(tmp_path: Path) -> None:
    modules, output = imported(SHOW_HELP.format(words=[["run", "--help"]]), tmp_path)
    connections = {"asyncio", "psutil", "ssl"}
    assert modules & (HEAVY | connections | {"docker", "pydantic", "rich"}) == set()
    assert "Usage: nobs run" in output


# One process for all: what none of them imports is imported by no single one either.
def test_the_help_of_each_command_is_light(tmp_path: Path) -> None:
    words = [[command, "--help"] for command in COMMANDS]
    modules, output = imported(SHOW_HELP.format(words=words), tmp_path)
    assert modules & (HEAVY | {"docker", "pydantic", "rich"}) == set()
    assert all(f"Usage: nobs {command}" in output for command in COMMANDS)


def test_what_only_tells_is_light(tmp_path: Path) -> None:
    code = (
        "from nobs.cli import cli\n"
        "for name in ('info', 'tasks', 'models'): cli.main([name], standalone_mode=False)"
    )
    modules, _ = imported(code, tmp_path)
    assert modules & (HEAVY | {"docker"}) == set()


def test_the_host_side_needs_no_torch(tmp_path: Path) -> None:
    names = "nobs.launch.run.launcher, nobs.launch.doctor.checks, nobs.supervisor.run"
    modules, _ = imported(f"import {names}", tmp_path)
    assert modules & HEAVY == set()


def test_the_worker_needs_no_docker(tmp_path: Path) -> None:
    modules, _ = imported("import nobs.supervisor.run, nobs.runner.step", tmp_path)
    assert "docker" not in modules
    assert not any(name.startswith(("nobs.cli", "nobs.launch")) for name in modules)
