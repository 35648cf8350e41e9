"""The stages of the check as commands, in order, each with its share of the time."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nobs.catalog import Catalog
from nobs.data.texts import load_texts
from nobs.schema.enums import Backend
from nobs.system.packages import find_version
from nobs.tasks import TASKS

GPU_TESTS = Path(__file__).resolve().parents[2] / "tests" / "gpu"
TEXTS = "nobs/austen-passages"
"""What random weights encode, see `TaskDefinition.packaged_dataset`."""
SMALL = "nomic-ai/modernbert-embed-base"
"""The smaller of the models at full size."""
EFFICIENCY = 0.5
"""Share of the measured matrix product's rate that a model is expected to reach, to choose rows."""
PASSES = 8
"""How often a step encodes its rows: warm-up, repeats, restored memory and profile."""
CHARS_PER_TOKEN = 4
END_S = 15.0
"""What a run gets to end by itself, with a report, before its stage is killed."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One command with a share of the time."""

    name: str
    weight: int = 1
    """Share of the remaining time, relative to the stages that follow."""
    words: tuple[str, ...]
    """Arguments of Python."""
    needs_device: bool = True
    """Whether it is pointless where torch can't use the device."""
    is_run: bool = False
    """Whether it is `nobs run`, which takes a time limit itself."""
    shortened: str = ""
    """The options that shorten the workload, for people."""

    def command(self, limit_s: float) -> list[str]:
        """Return the command line; a run ends by itself a little earlier than its stage."""
        limit = ("--timeout", str(max(1, int(limit_s - END_S)))) if self.is_run else ()
        return [sys.executable, *self.words, *limit]


@dataclass(frozen=True, kw_only=True)
class Stages:
    """Makes the stages of one check."""

    backend: Backend
    out: Path
    rows: int | None = None
    """Rows of the runs; None for all of them, 0 where one row of every model takes too long."""

    def before_runs(self) -> list[Stage]:
        """Return the stages that need no figure of another one."""
        results, junit = self.out / "results", self.out / "tests" / "junit.xml"
        doctor = ("-m", "nobs", "doctor", "--json", "--backend", self.backend)
        pytest = ("-m", "pytest", str(GPU_TESTS), "-q", "-rs", "-p", "no:cacheprovider")
        return [
            Stage(name="doctor", weight=3, needs_device=False,
                  words=(*doctor, "--results", str(results))),
            Stage(name="device", weight=6, words=("-m", "tools.check_gpu.device", self.backend)),
            Stage(name="tests", weight=12, words=(*pytest, f"--junitxml={junit}")),
        ]  # fmt: skip

    def runs(self) -> list[Stage]:
        """Return the runs at full size."""
        short = self._short()
        tuning_s, pass_s = ("15", "10") if self.rows is None else ("1", "1")
        tuned = (*short, "--tuning-budget", tuning_s, "--pass-budget", pass_s)
        runs = [
            self._run("embeddings", 14, "embeddings", short),
            self._run("max", 20, "embeddings", tuned, profile="max"),
        ]
        if is_built("diffusion"):
            small = ("--images", "1", "--image-size", "128", "--repeats", "1")
            less = ("--time-budget", "15") if self.rows is None else small
            short = ("--model", "stabilityai/sd-turbo", *less)
            runs.append(self._run("diffusion", 12, "diffusion", short))
        return runs

    def _short(self) -> tuple[str, ...]:
        """Return the options that fit a run into its time: fewer repeats, rows, models."""
        if self.rows is None:
            return ("--time-budget", "20")
        few = ("--rows", str(max(1, self.rows)), "--repeats", "1")
        return few if self.rows else (*few, "--model", SMALL)

    def container(self) -> Stage:
        """Return a short run in a container."""
        rows = 8 if self.rows is None else max(1, min(self.rows, 8))
        short = ("--model", SMALL, "--rows", str(rows), "--repeats", "1")
        return self._run("container", 8, "embeddings", short, execution="container")

    def _run(  # noqa: PLR0913 - the options of `nobs run`
        self,
        name: str,
        weight: int,
        task: str,
        short: tuple[str, ...],
        *,
        profile: str = "standard",
        execution: str = "native",
    ) -> Stage:
        words = ("-m", "nobs", "run", "--task", task, "--profile", profile, "--weights", "random",
                 "--backend", self.backend, "--execution", execution, "--results",
                 str(self.out / "results"), "--yes", "--verbose", *short)  # fmt: skip
        return Stage(name=name, weight=weight, is_run=True, words=words, shortened=" ".join(short))


def is_built(task: str) -> bool:
    """Return whether a task is here with every package that it imports."""
    return task in TASKS and all(find_version(name) for name in TASKS.load(task).packages)


def affordable_rows(catalog: Catalog, flop_per_s: float, budget_s: float) -> int | None:
    """Return how many rows all models encode `PASSES` times in `budget_s`; None for all rows."""
    rows = load_texts(catalog.datasets[TEXTS]).rows
    tokens = sum(map(len, rows)) / len(rows) / CHARS_PER_TOKEN
    row_s = 2 * sum(_parameters(catalog)) * tokens / (EFFICIENCY * flop_per_s)
    affordable = int(budget_s / (PASSES * row_s))
    return None if affordable >= len(rows) else affordable


def _parameters(catalog: Catalog) -> Iterator[int]:
    for pin in catalog.workload("embeddings", "standard").models:
        yield catalog.architectures[pin.id].parameters
