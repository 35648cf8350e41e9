"""The request of the user as on the command line, unresolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nobs.schema.enums import Backend, Execution

_FLAGS = {
    "tasks": "--task", "time_budget_s": "--time-budget", "timeout_s": "--timeout",
    "sustain_s": "--sustain",
}  # fmt: skip
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
    device: str | None = None
    """Devices as the user names them, as in `cuda:1` or `all`."""
    together: bool = False
    """Whether the devices are also measured at the same time."""
    node: str | None = None
    """Name of this machine among others of its model."""
    repeats: int | None = None
    time_budget_s: float | None = None
    sustain_s: float | None = None
    rest: float | Literal["auto"] | None = None
    """Seconds between repeats; `auto`: until the device has recovered."""
    timeout_s: float = 4 * 3600.0
    torch_index: str | None = None
    base_image: str | None = None
    build_network: str | None = None
    image: str | None = None
    """Name with a digest of an image that is pulled instead of built."""
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
