"""The one way to the machine: commands, files and counts; tests replay recorded machines."""

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from nobs.system import nvml

QUICK_S = 2.0
# A GPU driver without persistence mode initialises every GPU first, which takes seconds on a box
# with eight of them: giving up earlier would call such a box a CPU.
DRIVER_S = 20.0
# A cold PowerShell or system_profiler takes more than two seconds.
COLD_START_S = 10.0

_READ_LIMIT_BYTES = 4 * 1024 * 1024


class Probe(Protocol):
    """A machine that can be asked; every answer may be None, no question raises."""

    @property
    def system(self) -> str:
        """`platform.system()`: Linux, Darwin or Windows."""

    @property
    def release(self) -> str:
        """Kernel release."""

    @property
    def machine(self) -> str:
        """Architecture, as in `x86_64` or `arm64`."""

    @property
    def ram_bytes(self) -> int:
        """Installed memory."""

    @property
    def physical_cores(self) -> int | None:
        """Cores without their hardware threads."""

    @property
    def logical_cores(self) -> int | None:
        """Hardware threads."""

    @property
    def affinity_cores(self) -> int | None:
        """Hardware threads that this process may use (cpuset, taskset, Slurm)."""

    @property
    def on_battery(self) -> bool | None:
        """Whether a battery powers the machine; None without a battery."""

    def run(self, argv: Sequence[str], timeout_s: float = QUICK_S) -> str | None:
        """Return stdout; None if the tool is missing, fails or takes too long."""

    def read(self, path: str) -> str | None:
        """Return a file's text; None if it can't be read."""

    def names(self, path: str) -> tuple[str, ...]:
        """Return the names in a directory, sorted; empty if it can't be read."""

    def nvml_table(self) -> str | None:
        """Return what NVML knows, in the form of nvidia-smi's csv; None without NVML."""


@dataclass(frozen=True, kw_only=True)
class LocalMachine:
    """Ask the machine that runs this; files lie below `root`, each command runs only once."""

    root: Path = Path("/")
    outputs: dict[tuple[str, ...], str | None] = field(default_factory=dict, repr=False)

    @property
    def system(self) -> str:
        """`platform.system()`."""
        return platform.system()

    @property
    def release(self) -> str:
        """Kernel release."""
        return platform.release()

    @property
    def machine(self) -> str:
        """Architecture."""
        return platform.machine()

    @property
    def ram_bytes(self) -> int:
        """Installed memory."""
        return int(psutil.virtual_memory().total)

    @property
    def physical_cores(self) -> int | None:
        """Cores without their hardware threads."""
        return psutil.cpu_count(logical=False)

    @property
    def logical_cores(self) -> int | None:
        """Hardware threads."""
        return os.cpu_count()

    @property
    def affinity_cores(self) -> int | None:
        """Hardware threads that this process may use; None where the system doesn't tell."""
        if not hasattr(os, "sched_getaffinity"):
            return None
        return len(os.sched_getaffinity(0))

    @property
    def on_battery(self) -> bool | None:
        """Whether a battery powers the machine; None without a battery."""
        try:
            battery = psutil.sensors_battery()
        except (AttributeError, OSError, ValueError):
            return None
        if battery is None or battery.power_plugged is None:
            return None
        return not battery.power_plugged

    def run(self, argv: Sequence[str], timeout_s: float = QUICK_S) -> str | None:
        """Return stdout; None if the tool is missing, fails or takes too long."""
        key = tuple(argv)
        if key not in self.outputs:
            self.outputs[key] = _stdout(key, timeout_s)
        return self.outputs[key]

    def read(self, path: str) -> str | None:
        """Return a file's text below `root`; None if it can't be read."""
        try:
            with self._at(path).open("rb") as file:
                return file.read(_READ_LIMIT_BYTES).decode(errors="replace")
        except (OSError, ValueError):
            return None

    def names(self, path: str) -> tuple[str, ...]:
        """Return the names in a directory below `root`, sorted."""
        try:
            return tuple(sorted(entry.name for entry in self._at(path).iterdir()))
        except (OSError, ValueError):
            return ()

    def nvml_table(self) -> str | None:
        """Return what NVML knows, in the form of nvidia-smi's csv."""
        return nvml.query_table(nvml.load())

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")


def _stdout(argv: tuple[str, ...], timeout_s: float) -> str | None:
    if shutil.which(argv[0]) is None:
        return None
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            check=True,
            encoding="utf-8",
            env={**os.environ, "LC_ALL": "C"},
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=timeout_s,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout
