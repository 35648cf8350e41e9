import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nobs.system.answer import Answer
from nobs.system.nvml import Listing
from nobs.system.probe import PROBE_S, QUICK_S, Probe

RECORDINGS = Path(__file__).parent / "recordings"


@dataclass(frozen=True, kw_only=True)
class RecordedMachine:
    """A machine that answers from a recording; it refuses what was not recorded."""

    system: str
    release: str
    machine: str
    ram_bytes: int
    physical_cores: int | None = None
    logical_cores: int | None = None
    affinity_cores: int | None = None
    on_battery: bool | None = None
    nvml: Listing | None = None
    files: dict[str, str] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)
    failures: dict[str, Answer] = field(default_factory=dict)
    """Commands that fail, and how."""
    environment: dict[str, str] = field(default_factory=dict)

    def ask(self, argv: Sequence[str], timeout_s: float = QUICK_S) -> Answer | None:
        assert 0 < timeout_s <= PROBE_S
        line = " ".join(argv)
        worked = {start: Answer(stdout=text, exit_code=0) for start, text in self.commands.items()}
        recorded = (worked | self.failures).items()
        return next((answer for start, answer in recorded if line.startswith(start)), None)

    def run(self, argv: Sequence[str], timeout_s: float = QUICK_S) -> str | None:
        answer = self.ask(argv, timeout_s)
        return answer.stdout if answer and answer.exit_code == 0 else None

    def read(self, path: str) -> str | None:
        return self.files.get(path)

    def names(self, path: str) -> tuple[str, ...]:
        below = (
            file.removeprefix(f"{path}/") for file in self.files if file.startswith(f"{path}/")
        )
        return tuple(sorted({name.partition("/")[0] for name in below}))

    def ask_nvml(self) -> Listing | None:
        return self.nvml


@pytest.fixture
def recorded() -> Callable[[str], Probe]:
    def load(name: str) -> Probe:
        return RecordedMachine(**tomllib.loads((RECORDINGS / f"{name}.toml").read_text("utf-8")))

    return load


@pytest.fixture
def bare_linux() -> Callable[..., Probe]:
    """A Linux machine that tells nothing but what the test gives it."""

    def build(**told: object) -> Probe:
        facts = {"system": "Linux", "release": "6", "machine": "x86_64", "ram_bytes": 2**30}
        return RecordedMachine(**(facts | told))  # type: ignore[arg-type]

    return build
