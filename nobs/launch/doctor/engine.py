"""Checks of the container engine: its version, its builder and its access to a GPU."""

import platform
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from nobs.backends.base import BackendTarget
from nobs.errors import EngineError
from nobs.launch.container.hidden import is_hidden
from nobs.launch.container.refusals import TOOLKIT
from nobs.launch.doctor.check import Check
from nobs.launch.engine.client import Engine
from nobs.launch.engine.info import EngineInfo
from nobs.launch.engine.proxies import route_proxies
from nobs.schema.enums import Backend
from nobs.settings import hide_credentials
from nobs.system.gpus import Accelerators
from nobs.system.probe import Probe

_OLDEST_BUILDX = (0, 10)
_BUILDX_S = 10.0
_BUILDX_REMEDY = (
    "Install buildx 0.10 or newer (package docker-buildx or docker-buildx-plugin); only "
    "building images needs it."
)
_HOOK = "nvidia-container-runtime-hook"


def explain_no_engine(error: EngineError | None, *, needed: bool) -> Check:
    """Report why no engine answers; None if none was looked for."""
    if error is None:
        return Check.skip("engine", "not checked")
    return Check.missing("engine", error.message, error.remedy, needed=needed)


def check_engine(engine: Engine) -> Check:
    """Describe the engine that answers."""
    ref, info = engine.ref, engine.info
    traits = (
        "rootless" if info.rootless else "",
        "user namespaces" if info.userns_remapped else "",
        "Docker's snap" if info.snap else "",
        "on another machine" if info.remote else "",
    )
    found = f"{ref.name} {ref.version}, API {ref.api_version}, {engine.endpoint.described}"
    return Check.ok("engine", ", ".join([found, *filter(None, traits)]))


def check_mounts(info: EngineInfo, places: Iterable[Path]) -> Check:
    """Check that the engine sees the directories that containers mount."""
    hidden = [str(place) for place in places if is_hidden(place.absolute(), info)]
    if not hidden:
        return Check.ok("mounts", "no directory is known to be hidden from the engine")
    return Check.warn(
        "mounts",
        f"Docker's snap doesn't see {', '.join(hidden)}.",
        "Use directories in your home without a leading dot for --results and HF_HOME, or install "
        "Docker's own packages (https://docs.docker.com/engine/install).",
    )


def check_proxy(proxies: Mapping[str, str], info: EngineInfo) -> Check:
    """Check how containers and builds reach this machine's proxies."""
    route = route_proxies(proxies, info, platform=platform.system())
    if route.note:
        found = f"The {route.note.partition(': ')[0].removeprefix('the ')}."
        remedy = "Let it listen on another address of this machine, or use --execution native."
        return Check.warn("proxy", found, remedy)
    shown = ", ".join(f"{name}={hide_credentials(value)}" for name, value in proxies.items())
    by = ", over the host's network" if route.network else ""
    return Check.ok("proxy", f"{shown}, for builds and downloads too{by}")


def check_buildx(version: str | None, *, present: bool) -> Check:
    """Judge the output of `docker buildx version`, None if there is no such command."""
    if not present:
        return Check.skip("buildx", "no engine to build in")
    number = re.search(r"\bv?(\d+)\.(\d+)(?:\.\d+)?", version or "")
    if number is None:
        found = "`docker buildx` doesn't answer: images can't be built."
        return Check.warn("buildx", found, _BUILDX_REMEDY)
    if (int(number[1]), int(number[2])) < _OLDEST_BUILDX:
        return Check.warn("buildx", f"buildx {number[0]}", _BUILDX_REMEDY)
    return Check.ok("buildx", f"buildx {number[0]}")


def ask_buildx(machine: Probe) -> str | None:
    """Return the output of `docker buildx version`."""
    return machine.run(("docker", "buildx", "version"), _BUILDX_S)


def check_gpu_runtime(
    target: BackendTarget, accelerators: Accelerators, info: EngineInfo | None, *, needed: bool
) -> Check:
    """Check how the engine would pass a GPU to a container."""
    if info is None or target.container_refusal:
        return Check.skip("gpu runtime", "no container engine")
    # Without hardware the check of the driver is enough.
    if target.name not in (Backend.CUDA, Backend.ROCM):
        return Check.skip("gpu runtime", f"the backend {target.name} needs none")
    gpu = target.container_needs(accelerators).gpu
    if gpu is None:
        return Check.ok("gpu runtime", "device files, passed by path")
    ways = (
        (gpu.driver in info.runtimes, f"runtime {gpu.driver}"),
        (gpu.cdi_kind in info.cdi_kinds, f"CDI devices {gpu.cdi_kind}"),
        (not info.remote and shutil.which(_HOOK), f"the hook {_HOOK}"),
    )
    if found := next((way for is_there, way in ways if is_there), None):
        return Check.ok("gpu runtime", found)
    cdi = f"CDI is on, but no {gpu.cdi_kind} was found" if info.cdi_enabled else "CDI is off"
    found = f"The engine has no runtime {gpu.driver}; {cdi}."
    # The hook of a remote engine can't be seen from here.
    return Check.missing("gpu runtime", found, TOOLKIT, needed=needed and not info.remote)
