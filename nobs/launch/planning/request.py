"""The request of the user as on the command line, unresolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nobs.schema.base import Backend, Execution

_FLAGS = {"tasks": "--task", "time_budget_s": "--time-budget", "timeout_s": "--timeout"}
"""Options whose name differs from their field."""


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """One `nobs run`; None means the workload's or this machine's default."""

    tasks: tuple[str, ...] = ()
    """Empty means all of the profile whose server, if they need one, is there."""
    backend: Backend | None = None
    execution: Execution | None = None
    profile: str = "standard"
    results: Path = Path("results")
    repeats: int | None = None
    time_budget_s: float | None = None
    timeout_s: float = 4 * 3600.0
    torch_index: str | None = None
    base_image: str | None = None
    build_network: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Values of the options of tasks that the user has given, by name; see `nobs.tasks.options`."""
    settings: frozenset[str] = frozenset()
    """Fields and options whose value comes from a variable of the environment."""

    def label(self, name: str) -> str:
        """Return how the user has set `name`: `--batch-size`, or `NOBS_BATCH_SIZE`."""
        return f"NOBS_{name.upper()}" if name in self.settings else flag_of(name)


def flag_of(name: str) -> str:
    """Return the option of the command line for a field or an option, as in `--batch-size`."""
    return _FLAGS.get(name, f"--{name.replace('_', '-')}")
