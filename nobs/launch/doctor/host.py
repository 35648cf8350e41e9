"""Checks of the machine below the engine: driver, device files, Python and the worker."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

from nobs import __version__
from nobs.backends.base import BackendTarget
from nobs.errors import NobsError
from nobs.launch.doctor.check import Check, State
from nobs.schema.enums import Backend
from nobs.system.accelerators import explain_choice
from nobs.system.gpus import Accelerators, AmdGpu, NvidiaGpu
from nobs.tasks.base import TaskDefinition

_BUILDS = {"+cpu": "cpu", "+rocm": "rocm", "+cu": "cuda"}
"""Local version of torch -> the backend that it was built for."""


def check_python() -> Check:
    """Return the versions of Python and NOBS."""
    return Check.ok("python", f"Python {platform.python_version()}, nobs {__version__}")


def check_driver(
    target: BackendTarget, accelerators: Accelerators, *, is_auto: bool = False
) -> Check:
    """Check which GPU and driver answer, and that torch has builds for them.

    For a CPU that `auto` chose: which GPU of the machine isn't used, and why.
    """
    notes = "; ".join(explain_choice(accelerators, Backend(target.name), is_auto=is_auto))
    if target.name == Backend.CPU:
        state = State.WARN if notes else State.SKIP
        return Check(name="driver", state=state, found=notes or "the CPU needs none")
    try:
        target.check_host(accelerators)
    except NobsError as error:
        return Check.missing("driver", error.message, error.remedy, needed=True)
    gpu = accelerators.primary(Backend(target.name))
    driver = gpu.driver_version if isinstance(gpu, NvidiaGpu | AmdGpu) else None
    version = f", driver {driver}" if driver else ""
    index = f", torch from index {target.torch_index(accelerators)}"
    return Check(
        name="driver",
        state=State.WARN if notes else State.OK,
        found=f"{gpu.name if gpu else 'a device'}{version}{index}{'; ' if notes else ''}{notes}",
    )


def check_device_files(target: BackendTarget, accelerators: Accelerators) -> Check | None:
    """Check that this user may open the device files; None where there are none."""
    if target.container_refusal:
        return None
    paths = [Path(node.source) for node in target.container_needs(accelerators).device_nodes]
    there = [path for path in paths if path.exists()]
    if not there:
        return None
    closed = [path for path in there if not os.access(path, os.R_OK | os.W_OK)]
    if not closed:
        return Check.ok("device files", f"{', '.join(map(str, there))} can be opened")
    groups = ",".join(sorted({_group(path) for path in closed}))
    return Check.warn(
        "device files",
        f"No permission to open {', '.join(map(str, closed))}; containers get them anyway.",
        f"For native runs: `sudo usermod -aG {groups} $USER`, then log in again.",
    )


def check_worker(
    task: TaskDefinition,
    target: BackendTarget,
    versions: Mapping[str, str | None],
    *,
    needed: bool,
) -> Check:
    """Check that steps of `task` can run natively with its packages in these versions."""
    missing = [name for name, found in versions.items() if found is None]
    if missing:
        return Check.missing(
            "worker",
            f"Native runs of {task.name} need {', '.join(missing)}; not installed here.",
            f'Install with `pip install "{task.extra}"` (`make setup` in a checkout); '
            "containers include them.",
            needed=needed,
        )
    found = ", ".join(f"{name} {number}" for name, number in versions.items())
    torch = versions.get("torch") or ""
    built = _built_for(torch, target)
    is_usable = target.name in (built, Backend.CPU) or not Backend(target.name).is_builtin
    if not torch or is_usable:
        return Check.ok("worker", f"{task.name}: {found}")
    return Check.missing(
        "worker",
        f"torch {torch} is a build for {built}: native runs can't use {target.name}.",
        f"Install torch's {target.name} build, or use --execution container.",
        needed=needed,
    )


def _built_for(torch: str, target: BackendTarget) -> str:
    # The package index has no builds for ROCm; a version without a suffix is CUDA's.
    bare = "cuda" if target.name == Backend.ROCM else target.name
    return next((backend for mark, backend in _BUILDS.items() if mark in torch), bare)


def _group(path: Path) -> str:
    try:
        return path.group()
    except KeyError:
        return str(path.stat().st_gid)
