"""Access to the machine: commands, files and counts; tests replay recorded machines."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from nobs.system import nvml
from nobs.system.affinity import allowed_cores
from nobs.system.answer import Answer, ask_tool, find_tool

QUICK_S = 2.0
# A GPU driver without persistence mode initialises every GPU first, and a cold PowerShell or
# system_profiler takes more than two seconds.
PROBE_S = 5.0

_READ_LIMIT_BYTES = 4 * 1024 * 1024


class Probe(Protocol):
    """A machine; every answer may be None, no method raises."""

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

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables."""

    def ask(self, argv: Sequence[str], timeout_s: float = QUICK_S) -> Answer | None:
        """Return how a tool answered, failures included; None if it is missing."""

    def run(self, argv: Sequence[str], timeout_s: float = QUICK_S) -> str | None:
        """Return stdout; None if the tool is missing, fails or takes too long."""

    def read(self, path: str) -> str | None:
        """Return a file's text; None if it can't be read."""

    def names(self, path: str) -> tuple[str, ...]:
        """Return the names in a directory, sorted; empty if it can't be read."""

    def ask_nvml(self) -> nvml.Listing | None:
        """Return the GPUs that NVML lists; None without NVML."""


@dataclass(frozen=True, kw_only=True)
class LocalMachine:
    """The machine that runs this; files are below `root`, each command runs only once."""

    root: Path = Path("/")
    answers: dict[tuple[str, ...], Answer | None] = field(default_factory=dict, repr=False)

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
        """Hardware threads that this process may use; None where unknown."""
        return len(allowed_cores()) or None

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

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables of this process."""
        return os.environ

    def ask(self, argv: Sequence[str], timeout_s: float = QUICK_S) -> Answer | None:
        """Return how a tool answered, failures included; None if it is missing."""
        key = tuple(argv)
        if key not in self.answers:
            tool = find_tool(key[0], self.root)
            self.answers[key] = ask_tool((tool, *key[1:]), timeout_s) if tool else None
        return self.answers[key]

    def run(self, argv: Sequence[str], timeout_s: float = QUICK_S) -> str | None:
        """Return stdout; None if the tool is missing, fails or takes too long."""
        answer = self.ask(argv, timeout_s)
        return answer.stdout if answer and answer.exit_code == 0 else None

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

    def ask_nvml(self) -> nvml.Listing | None:
        """Return the GPUs that NVML lists."""
        return nvml.ask(PROBE_S)

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")
