"""NOBS and a package of a third party as wheels, in a virtual environment of their own."""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.command import environment
from tests.fakes.forked import REPO

PACKAGE = REPO / "tests" / "fakes" / "example_package"
CATALOG = PACKAGE / "nobs_example" / "catalog.toml"
NATIVE = ("--execution", "native", "--repeats", "3", "--quiet")
EXAMPLE = ("run", "--task", "example", "--profile", "example")

type Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True, kw_only=True)
class Installed:
    """`nobs` of an environment with both wheels, and the directory that it works in."""

    python: Path
    home: Path

    def nobs(
        self, *words: str, path: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> Done:
        env = environment(self.home, **(variables or {}))
        del env["PYTHONPATH"]
        return subprocess.run(
            [self.python, "-m", "nobs", *words], cwd=self.home, capture_output=True, text=True,
            env=env | ({"PYTHONPATH": str(path)} if path else {}), timeout=240, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def run(self, results: str, *words: str) -> Done:
        backend = () if "--backend" in words else ("--backend", "cpu")
        return self.nobs(*EXAMPLE, *NATIVE, "--results", results, *backend, *words)

    def report(self, results: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file(results).read_text(encoding="utf-8"))
        return found

    def file(self, results: str) -> Path:
        (file,) = (self.home / results).glob("report_*.json")
        return file


def pip(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, capture_output=True)


def install(home: Path) -> Installed:
    """Install both wheels below `home`; what they need comes from this environment's packages.

    Wheels are built as pip builds them: with hatchling from the package index.
    """
    pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(home / "w"), str(REPO), str(PACKAGE))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home / "venv"], check=True)
    python = home / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wheels = map(str, (home / "w").glob("*.whl"))
    pip("--python", str(python), "install", "--quiet", "--no-deps", "--no-index", *wheels)
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    purelib = subprocess.check_output([python, "-c", asked], text=True).strip()
    Path(purelib, "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    (home / "work").mkdir()
    asked = "import nobs, nobs_example; print(nobs.__file__, nobs_example.__file__)"
    found = subprocess.check_output([python, "-c", asked], cwd=home / "work", text=True)
    assert found.count(str(home / "venv")) == 2, found
    return Installed(python=python, home=home / "work")
