"""Downloads without a run: the runner's fetch phase in a temporary run directory."""

import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from nobs import __version__
from nobs.errors import RunLost
from nobs.launch.output import OnEvent
from nobs.log import parse_line
from nobs.schema.enums import Backend, Execution
from nobs.schema.pins import Workload
from nobs.schema.result import Failure
from nobs.schema.spec import RunSpec, StepSpec
from nobs.storage.store import make_run_dir, prepare_results
from nobs.system.child import child
from nobs.system.device_info import get_device_info
from nobs.system.probe import LocalMachine

_RUN_ID = "prefetch"


def prefetch(
    workloads: Sequence[Workload], on_event: OnEvent, *, profile: str, force: bool
) -> Failure | None:
    """Fetch and check what the workloads need; return the first failure, None if all is cached.

    `on_event` gets `fetch.pin` before and `fetch.done` after each. RunLost if the process that
    fetches dies.
    """
    spec = _make_spec(workloads, profile)
    with tempfile.TemporaryDirectory(prefix="nobs-prefetch-") as directory:
        prepare_results(Path(directory))
        run_dir = make_run_dir(Path(directory), _RUN_ID)
        run_dir.write(run_dir.spec_file, spec)
        _fetch(run_dir.path, on_event, ["--all", "--force"] if force else ["--all"])
        results = (run_dir.find_result(step.id) for step in spec.steps)
        return next((result.failure for result in results if result is not None), None)


def _make_spec(workloads: Sequence[Workload], profile: str) -> RunSpec:
    timeout_s = 86_400.0  # Fetching has no deadline; a specification needs one.
    steps = tuple(
        StepSpec(id=f"{index}-{number}", workload=index, model=model, timeout_s=timeout_s)
        for index, workload in enumerate(workloads)
        for number, model in enumerate(workload.models)
    )
    return RunSpec(
        run_id=_RUN_ID, created=datetime.now(UTC), nobs_version=__version__, backend=Backend.CPU,
        execution=Execution.NATIVE, profile=profile, workloads=tuple(workloads), steps=steps,
        timeout_s=timeout_s, device_info=get_device_info(Backend.CPU, LocalMachine()),
    )  # fmt: skip


def _fetch(run_path: Path, on_event: OnEvent, options: Sequence[str]) -> None:
    # Its stderr is ours: there the hub's client draws its progress bars.
    command = [sys.executable, "-m", "nobs.runner", str(run_path), "--fetch", *options]
    with child(command) as process:
        for line in process.stdout or ():
            if event := parse_line(line):
                on_event(event)
        process.wait()
    if process.returncode:
        raise RunLost(
            f"Fetching ended with exit code {process.returncode}.", "Run `nobs prefetch` again."
        )
