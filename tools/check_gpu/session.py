"""One check: the stages in order within the budget, and the line of each."""

import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from nobs.catalog import load_catalog
from nobs.errors import NobsError
from nobs.launch.doctor.check import Check
from nobs.launch.planning.facts import find_commit
from nobs.report.leaderboard import Leaderboard, arrange, flatten
from nobs.schema.enums import Backend
from nobs.storage.rundir import RunDir
from nobs.system.accelerators import detect_backend, find_accelerators, find_broken
from tools.check_gpu import read
from tools.check_gpu.findings import judge, read_models
from tools.check_gpu.image import find_obstacle
from tools.check_gpu.page import Line, render_page
from tools.check_gpu.process import Ended, run_bounded
from tools.check_gpu.stages import (
    Stage,
    Stages,
    affordable_rows,
    is_built,
)

PAGE = "verdict.md"
SHARE_OF_ROWS = 0.2
"""Share of the time left that encoding rows may take in one run, where rows are to be chosen."""
MIN_LIMIT_S = 5.0


@dataclass(kw_only=True)
class Session:
    """A check in progress: its lines so far, and why later stages can't run."""

    out: Path
    budget_s: float
    asked_for: Backend | None
    lines: list[Line] = field(default_factory=list)
    run_dirs: list[RunDir] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    backend: Backend = Backend.CPU
    obstacle: str = ""
    """Why the device can't be used; empty where it can."""
    rows: int | None = None
    start: float = field(default_factory=time.monotonic)

    def check(self) -> None:
        """Run every stage; the page is written again after each."""
        self._choose_backend()
        stages = Stages(backend=self.backend, out=self.out)
        self._keep_tool_output()
        self._run_all(stages.before_runs(), [*stages.runs(), stages.container()])
        stages = replace(stages, rows=self.rows)
        self._run_all(stages.runs(), [stages.container()])
        if not is_built("diffusion"):
            self._add(Check.skip("diffusion", "not built: the task or its packages aren't here"))
        if refusal := find_obstacle(stages.container(), self.out, self.backend):
            self._add(refusal)
        else:
            self._run_all([stages.container()], [])
        for check in judge(read_models(self.run_dirs), self.backend):
            self._add(check)

    def write_page(self) -> str:
        """Write the page; return where it is, or why it can't be written."""
        total_s = time.monotonic() - self.start
        text = render_page(self.lines, self.facts, self._board(), total_s)
        try:
            (self.out / PAGE).write_text(text, encoding="utf-8")
        except OSError as error:
            return f"{text}\ncheck-gpu: can't write {self.out / PAGE}: {error.strerror}"
        return f"verdict  {self.out / PAGE}"

    def _choose_backend(self) -> None:
        accelerators = find_accelerators()
        broken = find_broken(accelerators)
        self.backend = self.asked_for or (
            broken.backend if broken else detect_backend(accelerators)
        )
        if self.asked_for is None and self.backend is Backend.CPU:
            self.obstacle = "there is no accelerator"
            remedy = "Install its driver, or pass it into this container (`docker run --gpus all`)."
            if accelerators.obstacles:
                remedy = " ".join(
                    f"{each.reason} {each.remedy}." for each in accelerators.obstacles
                )
            rehearsal = "`make check-gpu BACKEND=cpu` rehearses the check."
            self._add(
                Check.missing(
                    "accelerator", "No accelerator was found.", f"{remedy} {rehearsal}", needed=True
                )
            )
        gpu = accelerators.primary(self.backend)
        self.facts = {
            "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            "device": ", ".join(filter(None, [str(self.backend), gpu.name if gpu else ""])),
            "system": platform.platform(),
            "python": f"{platform.python_version()} ({sys.executable})",
            "commit": find_commit() or "unknown",
            "command": " ".join(sys.argv[1:]) or "make check-gpu",
        }

    def _keep_tool_output(self) -> None:
        """Keep what the driver's tool says in full: it settles questions later."""
        if tool := shutil.which("nvidia-smi"):
            self._start(Stage(name="nvidia-smi", words=()), [tool, "-q"], 10.0)

    def _run_all(self, stages: list[Stage], later: list[Stage]) -> None:
        for place, stage in enumerate(stages):
            self._run(stage, [*stages[place + 1 :], *later])

    def _run(self, stage: Stage, later: list[Stage]) -> None:
        """Run a stage within its share of the time left, and add its lines."""
        if stage.needs_device and self.obstacle:
            self._add(Check.skip(stage.name, self.obstacle))
            return
        left_s = self.start + self.budget_s - time.monotonic()
        limit_s = left_s * stage.weight / (stage.weight + sum(each.weight for each in later))
        if limit_s < MIN_LIMIT_S:
            self._add(Check.skip(stage.name, f"no time left of {self.budget_s:.0f} s"))
            return
        print(f"check-gpu: {stage.name} (at most {limit_s:.0f} s)", file=sys.stderr)
        self._start(stage, stage.command(limit_s), limit_s)

    def _start(self, stage: Stage, command: list[str], limit_s: float) -> None:
        directory = self.out / stage.name
        start = time.monotonic()
        try:
            directory.mkdir(parents=True, exist_ok=True)
            ended = run_bounded(
                command, limit_s=limit_s, log=directory / "output", env=self._environment()
            )
        except OSError as error:
            why = f"{error.strerror}: {error.filename or directory}"
            remedy = "Free some space, or name another directory with OUT=DIR."
            self._add(Check.missing(stage.name, why, remedy, needed=True), start)
            return
        for place, check in enumerate(self._read(stage, ended)):
            self._add(check, None if place else start)
        self.write_page()

    def _read(self, stage: Stage, ended: Ended) -> Iterator[Check]:
        match stage.name:
            case "nvidia-smi":
                return
            case "doctor":
                yield from read.read_doctor(ended)
            case "device":
                check, rate = read.read_device(ended)
                yield check
                self._learn(rate)
            case "tests":
                yield read.read_tests(ended, self.out / "tests" / "junit.xml")
            case _:
                new = read.new_runs(self.out / "results", self.run_dirs)
                self.run_dirs += new
                yield read.read_run(stage, ended, new)

    def _learn(self, flop_per_s: float | None) -> None:
        """Choose the rows of the runs by the device's speed, or note that it can't be used."""
        if flop_per_s == 0.0:
            self.obstacle = "torch can't use the device, see `device`"
        elif flop_per_s is not None:
            left_s = self.start + self.budget_s - time.monotonic()
            self.rows = affordable_rows(load_catalog(), flop_per_s, SHARE_OF_ROWS * left_s)

    def _environment(self) -> dict[str, str]:
        """Return the environment of stages: no hub, and caches in the directory of the check."""
        cache = self.out / "cache"
        return {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(cache / "huggingface"),
            "TRITON_CACHE_DIR": str(cache / "triton"),
            "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
        }

    def _board(self) -> Leaderboard | None:
        sheets = []
        for run_dir in self.run_dirs:
            try:
                sheets.append(flatten(f"{run_dir.path.name}/report.json", run_dir.read_report()))
            except NobsError:
                continue
        return arrange(sheets) if sheets else None

    def _add(self, check: Check, since: float | None = None) -> None:
        duration_s = None if since is None else time.monotonic() - since
        self.lines.append(Line(check=check, duration_s=duration_s))
        print(f"check-gpu: {check.state:5}{check.name}: {check.found}", file=sys.stderr)
