"""NVIDIA's driver without a GPU: its tool as a script and its library from nvml.c."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.fakes.smi import write_program, write_smi

SOURCE = Path(__file__).parent / "nvml.c"
UUID = "GPU-8f3c"
"""The card that the library knows."""
CARD = f"0, NVIDIA H100 80GB HBM3, {UUID}, {{driver}}, 81559, 9.0, {{mig}}\n"


def build_nvml(directory: Path) -> dict[str, str]:
    """Build the library; return the variable that makes processes load it."""
    directory.mkdir(parents=True, exist_ok=True)
    library = directory / "libnvidia-ml.so.1"
    built = subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", str(library), str(SOURCE)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if built.returncode:
        pytest.skip(f"no C compiler that makes a shared library: {built.stderr}")
    return {"LD_LIBRARY_PATH": str(directory)}


def tool_of(
    directory: Path, *, driver: str = "580.65.06", mig: str = "Disabled"
) -> Mapping[str, str]:
    """Write an nvidia-smi that lists one H100; return the PATH with it."""
    return path_with(write_smi(directory, CARD.format(driver=driver, mig=mig)))


def failing_tool(directory: Path, script: str) -> Mapping[str, str]:
    """Write an nvidia-smi that does what `script` says; return the PATH with it."""
    return path_with(write_program(directory, script))


def path_with(directory: Path) -> Mapping[str, str]:
    """Return the PATH with `directory` first."""
    return {"PATH": f"{directory}{os.pathsep}{os.environ['PATH']}"}
