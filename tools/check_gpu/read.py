"""From how a stage ended to its line of the verdict."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path

from nobs.errors import NobsError
from nobs.launch.doctor.check import Check, State
from nobs.schema.enums import Status
from nobs.schema.report import ModelReport
from nobs.storage.rundir import RunDir
from nobs.text import to_line
from nobs.units import format_rate
from tools.check_gpu.process import Ended
from tools.check_gpu.stages import Stage

OF_DOCTOR = frozenset({"driver", "device files", "card", "worker", "results"})
"""What `nobs doctor` finds that matters here; containers have a stage."""
MAX_CHARS = 300
HANGS = (
    "Look at its output and at `sudo dmesg` (Xid): a driver or a kernel that hangs needs a reboot."
)


def read_doctor(ended: Ended) -> Iterator[Check]:
    """Yield the lines of `nobs doctor`."""
    try:
        found = json.loads(ended.stdout)
    except ValueError:
        yield _broken("doctor", ended)
        return
    for each in found:
        if each["name"] in OF_DOCTOR and each["state"] != State.SKIP:
            yield Check(**{**each, "state": State(each["state"])})


def read_device(ended: Ended) -> tuple[Check, float | None]:
    """Return the line of the device, and the FLOP/s of its matrix product.

    A device that can't be used, or hangs, is a failure with a rate of 0; without a rate it may
    well be usable.
    """
    try:
        found = json.loads(ended.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return _broken("device", ended), 0.0 if ended.exit_code is None else None
    if "error" in found:
        return Check.missing("device", found["error"], found["remedy"], needed=True), 0.0
    rate = float(found["matmul_flop_per_s"])
    platform = next((f", {name} {found[key]}" for key, name in (("cuda", "CUDA"), ("hip", "HIP"))
                     if found[key]), "")  # fmt: skip
    said = (
        f"{found['check']['device_name']} computes right: torch {found['torch']}{platform}, "
        f"float32 product {format_rate(rate / 1e12)} TFLOP/s"
    )
    return Check.ok("device", said), rate


def read_tests(ended: Ended, junit: Path) -> Check:
    """Return how many GPU tests passed, and which didn't and why."""
    try:
        cases = list(ET.parse(junit).iter("testcase"))
    except (OSError, ET.ParseError):
        cases = []
    if not cases:
        return _broken("tests", ended)
    failed = [
        case for case in cases if any(case.find(tag) is not None for tag in ("failure", "error"))
    ]
    skips = [skip.get("message", "") for case in cases for skip in case.iterfind("skipped")]
    passed = len(cases) - len(failed) - len(skips)
    said = f"{passed} passed" + (f", {len(skips)} skipped: {skips[0]}" if skips else "")
    if failed or ended.exit_code is None:
        names = ", ".join(str(case.get("name")) for case in failed)
        return Check.missing(
            "tests", f"{said}; failed: {names}", "Send this directory: tests/output.out has why.",
            needed=True,
        )  # fmt: skip
    return Check.ok("tests", said) if passed else Check.skip("tests", said)


def read_run(stage: Stage, ended: Ended, runs: Sequence[RunDir]) -> Check:
    """Return how a run ended, with the first failure of its models."""
    models = list(_models(runs))
    failures = [model.failure for model in models if model.failure is not None]
    if ended.exit_code == 0 and models and not failures:
        said = f"{len(models)} models measured"
        return Check.ok(
            stage.name, said + (f", shortened by {stage.shortened}" if stage.shortened else "")
        )
    if ended.exit_code is None or not failures:
        return _broken(stage.name, ended)
    done = sum(model.status is Status.OK for model in models)
    said = f"{done} of {len(models)} models measured; {to_line(failures[0].message, MAX_CHARS)}"
    return Check.missing(stage.name, said, failures[0].remedy or _see(stage.name), needed=True)


def new_runs(results: Path, known: Sequence[RunDir]) -> list[RunDir]:
    """Return the runs in `results` that weren't there before."""
    seen = {run.path for run in known}
    found = sorted(path for path in (results / "runs").glob("*") if path.is_dir())
    return [RunDir(path) for path in found if path not in seen]


def _models(runs: Sequence[RunDir]) -> Iterator[ModelReport]:
    for run in runs:
        try:
            report = run.read_report()
        except NobsError:
            continue
        yield from (model for task in report.tasks for model in task.models.values())


def _broken(name: str, ended: Ended) -> Check:
    said = to_line(ended.last_line, MAX_CHARS)
    if ended.exit_code is None:
        why = f"stopped at its limit after {ended.duration_s:.0f} s; it last said: {said}"
        return Check.missing(name, why, f"{HANGS} {_see(name)}", needed=True)
    why = f"ended with exit code {ended.exit_code}: {said}"
    return Check.missing(name, why, _see(name), needed=True)


def _see(name: str) -> str:
    return f"See {name}/output.out and output.err."
