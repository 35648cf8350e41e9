"""Runs of a third party's task through the real command line, for rounds of faults.

A run is ordered ahead and begun with `nobs run --resume`, so that its task need not stand in the
catalogue. With `LIGHT` in front of the path, torch's stand-in makes a whole run last a second.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nobs import __version__
from nobs.launch.planning.facts import find_commit
from nobs.schema.enums import Backend, Execution
from nobs.schema.result import StepResult
from nobs.storage.rundir import RunDir
from nobs.system.device_info import get_device_info
from nobs.system.probe import LocalMachine
from tests.fakes.command import environment, run_nobs, start_nobs
from tests.fakes.runs import faulty_workload, order

FAKES = Path(__file__).parent
PLUGIN = FAKES / "task_plugin"
LIGHT = FAKES / "light_torch"
RUN_ID = "a-run"


def ordered_run(tmp_path: Path, *faults: str, **changes: Any) -> RunDir:
    """Order a run of this machine and version with one step for each fault; nothing has begun."""
    run_dir = order(tmp_path / "results", faulty_workload(tmp_path, *faults), **changes)
    change_spec(
        run_dir,
        nobs_version=__version__,
        nobs_commit=find_commit(),
        device_info=get_device_info(Backend.CPU, LocalMachine()),
        execution=Execution.NATIVE,
    )
    return run_dir


def change_spec(run_dir: RunDir, **changes: object) -> None:
    """Write the order anew with `changes`."""
    run_dir.write(run_dir.spec_file, run_dir.read_spec().model_copy(update=changes))


def environment_of(run_dir: RunDir, *paths: Path, **variables: str) -> dict[str, str]:
    """Return the environment in which the third party's task is installed, and `paths` besides."""
    home = run_dir.results.parent
    scratch = home / "tmp"
    scratch.mkdir(exist_ok=True)
    env = environment(home, TMPDIR=str(scratch), **variables)
    env["PYTHONPATH"] = os.pathsep.join([*map(str, paths), str(PLUGIN), env["PYTHONPATH"]])
    return env


@contextlib.contextmanager
def start(
    run_dir: RunDir, *words: str, paths: tuple[Path, ...] = (), **variables: str
) -> "Iterator[subprocess.Popen[str]]":
    """Start a command of `nobs` in a session of its own, its output in pipes.

    It is waited for; a test that fails meanwhile kills it.
    """
    with start_nobs(
        *words, "--results", str(run_dir.results),
        env=environment_of(run_dir, *paths, **variables), cwd=run_dir.results.parent,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def interrupt_at(process: "subprocess.Popen[str]", words: str) -> None:
    """Send SIGINT once standard error has a line with `words`, and wait for the end."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def finish(
    run_dir: RunDir, *words: str, paths: tuple[Path, ...] = (), **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command of `nobs` to its end."""
    env = environment_of(run_dir, *paths, **variables)
    words = (*words, "--results", str(run_dir.results))
    return run_nobs(*words, cwd=run_dir.results.parent, env=env)


def await_(condition: Callable[[], object], timeout_s: float = 120.0) -> None:
    """Wait until `condition` holds; fail if it doesn't in `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def has_begun(run_dir: RunDir, step: str) -> bool:
    """Tell whether a step is within its first phase that the task itself does."""
    text = run_dir.events_file.read_text() if run_dir.events_file.exists() else ""
    return any('"phase":"load"' in line and f'"step":"{step}"' in line for line in text.split("\n"))


def events_of(run_dir: RunDir) -> list[dict[str, Any]]:
    """Return what the run has told so far."""
    return [json.loads(line) for line in run_dir.events_file.read_text().splitlines()]


def result_of(run_dir: RunDir, step: str) -> StepResult:
    """Return the result that a step must have left."""
    result = run_dir.find_result(step)
    assert result is not None, f"{step} left no result"
    return result


def reason_of(run_dir: RunDir, step: str) -> str:
    """Return how a step ended: `ok`, or status and class of its failure."""
    result = result_of(run_dir, step)
    return f"{result.status}: {result.failure.failure_class}" if result.failure else "ok"


def left_files(home: Path) -> list[str]:
    """Return what neither a run nor its publishing should leave: half-written and scratch files."""
    results = home / "results"
    half = [path for path in results.rglob(".*") if path.name != ".gitignore"]
    return sorted(str(path.relative_to(home)) for path in [*half, *(home / "tmp").glob("*")])
