"""Cold starts of processes: each repeat is a new one, with the model's files not in memory."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nobs.errors import DataError, NobsError
from nobs.system.child import child
from nobs.system.page_cache import cached_share, drop_files
from nobs.tasks.base import Bench, Work
from nobs.tasks.cold.report import ColdStart, ColdStarts

COMMAND = (sys.executable, "-m", "nobs.tasks.cold.child")
LAST_CHARACTERS = 500


class ProcessBench(Bench):
    """Start a process for each repeat, with the model's files dropped from the page cache.

    Nothing is loaded before, since that is what is measured, and no process is left afterwards.
    `target` is the `module:class` of the task's ColdWork.
    """

    def __init__(self, work: Work, target: str, inputs: Sequence[str], warm_passes: int) -> None:
        if work.model.random:
            raise DataError(
                f"{work.model.id} has random weights, so it has no files to load cold.",
                "Leave --weights random out, or choose another profile.",
            )
        self.work = work
        self._order = {
            "target": target,
            "workload": work.workload.model_dump(mode="json"),
            "model": work.model.model_dump(mode="json"),
            "path": str(work.model_path),
            "device": work.torch_device,
            "directory": str(work.directory),
            "inputs": list(inputs),
            "warm_passes": warm_passes,
        }
        self._starts: list[ColdStart] = []
        self.last: dict[str, Any] = {}
        """Facts of the last process."""

    def warm_up(self) -> None:
        """Start once: later ones find compiled Python files, and errors show before measuring."""
        self._start()

    def run(self) -> int:
        """Start a process and wait for its end; return 1, its result."""
        self._starts.append(self._start())
        return 1

    def keep(self, repeats: int) -> None:
        """Drop the start of an interrupted repeat."""
        del self._starts[repeats:]

    def facts(self) -> dict[str, Any]:
        """Return all starts."""
        return {"cold": ColdStarts.of(self._starts).model_dump(mode="json")}

    def _start(self) -> ColdStart:
        files = [file for file in Path(self.work.model_path).rglob("*") if file.is_file()]
        drop_files(files)
        cached = cached_share(files)
        start_s = time.perf_counter()
        with child(COMMAND, own_session=False, stdin=-1, stderr=-1) as process:
            out, err = process.communicate(json.dumps(self._order))
        if process.returncode:
            raise NobsError(
                f"The new process of {self.work.model.id} ended with exit code"
                f" {process.returncode}: {err.strip()[-LAST_CHARACTERS:]}",
                "Measure it warm to see whether it runs at all: --profile standard or quick.",
            )
        stamps = json.loads(out)
        self.last = stamps["facts"]
        return ColdStart(
            first_result_s=stamps["first_s"] - start_s,
            interpreter_s=stamps["python_runs_s"] - start_s,
            import_s=stamps["imported_s"] - stamps["python_runs_s"],
            load_s=stamps["loaded_s"] - stamps["imported_s"],
            first_pass_s=stamps["first_s"] - stamps["loaded_s"],
            steady_pass_s=stamps["steady_pass_s"],
            weights_cached=cached,
            peak_rss_bytes=stamps["peak_rss_bytes"],
        )
