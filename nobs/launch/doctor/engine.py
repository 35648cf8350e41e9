"""Checks of the container engine: itself, its builder and its way to a GPU."""

import platform
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from nobs.backends.base import BackendTarget, GpuRequest
from nobs.errors import EngineError
from nobs.launch.container.hidden import is_hidden
from nobs.launch.doctor.check import Check, State, worse
from nobs.launch.engine.client import Engine
from nobs.launch.engine.info import EngineInfo
from nobs.launch.engine.proxies import route_proxies
from nobs.schema.base import Backend
from nobs.settings import hide_credentials
from nobs.system.gpus import Accelerators
from nobs.system.probe import Probe

_OLDEST_BUILDX = (0, 10)
_BUILDX_S = 10.0
_BUILDX_REMEDY = (
    "Install buildx 0.10 or newer (package docker-buildx or docker-buildx-plugin); only "
    "building images needs it."
)
_TOOLKIT = (
    "Install the NVIDIA Container Toolkit, run `sudo nvidia-ctk runtime configure "
    "--runtime=docker` and restart Docker, or use --execution native."
)
_HOOK = "nvidia-container-runtime-hook"


def check_engine(engine: Engine | None, error: EngineError | None, *, needed: bool) -> Check:
    """Tell which engine answers, or why none does."""
    if engine is None:
        message = error.message if error else "Not looked for."
        remedy = error.remedy if error else ""
        state = worse(needed=needed) if error else State.SKIP
        return Check(name="engine", state=state, found=message, remedy=remedy)
    ref, info = engine.ref, engine.info
    traits = (
        "rootless" if info.rootless else "",
        "user namespaces" if info.userns_remapped else "",
        "Docker's snap" if info.snap else "",
        "on another machine" if info.remote else "",
    )
    told = "".join(f", {trait}" for trait in traits if trait)
    found = f"{ref.name} {ref.version}, API {ref.api_version}, {engine.endpoint.described}{told}"
    return Check(name="engine", state=State.OK, found=found)


def check_sight(info: EngineInfo, places: Iterable[Path]) -> Check:
    """Tell whether the engine sees the directories that containers are given."""
    hidden = [str(place) for place in places if is_hidden(place.absolute(), info)]
    if not hidden:
        return Check(name="sight", state=State.OK, found="nothing is known to hide from the engine")
    return Check(
        name="sight",
        state=State.WARN,
        found=f"Docker's snap doesn't see {', '.join(hidden)}.",
        remedy="Name directories plainly below your home with --results and HF_HOME, or install "
        "Docker's own packages (https://docs.docker.com/engine/install).",
    )


def check_proxy(proxies: Mapping[str, str], info: EngineInfo) -> Check:
    """Tell how what runs in the engine reaches this machine's proxies."""
    route = route_proxies(proxies, info, platform=platform.system())
    if route.note:
        return Check(
            name="proxy",
            state=State.WARN,
            found=f"The {route.note.partition(': ')[0].removeprefix('the ')}.",
            remedy="Let it listen on another address of this machine, or use --execution native.",
        )
    shown = ", ".join(f"{name}={hide_credentials(value)}" for name, value in proxies.items())
    by = ", over the host's network" if route.network else ""
    return Check(name="proxy", state=State.OK, found=f"{shown}, for builds and downloads too{by}")


def check_buildx(version: str | None, *, present: bool) -> Check:
    """Judge the output of `docker buildx version`, None if there is no such command."""
    if not present:
        return Check(name="buildx", state=State.SKIP, found="no engine to build in")
    number = re.search(r"\bv?(\d+)\.(\d+)(?:\.\d+)?", version or "")
    if number is None:
        return Check(
            name="buildx",
            state=State.WARN,
            found="`docker buildx` doesn't answer: images can't be built.",
            remedy=_BUILDX_REMEDY,
        )
    is_old = (int(number[1]), int(number[2])) < _OLDEST_BUILDX
    return Check(
        name="buildx",
        state=State.WARN if is_old else State.OK,
        found=f"buildx {number[0]}",
        remedy=_BUILDX_REMEDY if is_old else "",
    )


def ask_buildx(machine: Probe) -> str | None:
    """Return the output of `docker buildx version`."""
    return machine.run(("docker", "buildx", "version"), _BUILDX_S)


def check_gpu_runtime(
    target: BackendTarget, accelerators: Accelerators, info: EngineInfo | None, *, needed: bool
) -> Check:
    """Tell by which way the engine would hand a GPU to a container."""
    if info is None or target.container_refusal:
        return _skip("no container engine")
    # Without hardware the driver's check says all there is to say.
    if target.name not in (Backend.CUDA, Backend.ROCM):
        return _skip(f"the backend {target.name} needs none")
    gpu = target.container_needs(accelerators).gpu
    if gpu is None:
        return Check(
            name="gpu runtime", state=State.OK, found="device files, handed over by their path"
        )
    return _check_handover(gpu, info, needed=needed)


def _check_handover(gpu: GpuRequest, info: EngineInfo, *, needed: bool) -> Check:
    if gpu.driver in info.runtimes:
        return Check(name="gpu runtime", state=State.OK, found=f"runtime {gpu.driver}")
    if gpu.cdi_kind in info.cdi_kinds:
        return Check(name="gpu runtime", state=State.OK, found=f"CDI devices {gpu.cdi_kind}")
    if not info.remote and shutil.which(_HOOK):
        return Check(name="gpu runtime", state=State.OK, found=f"the hook {_HOOK}")
    cdi = f"CDI is on, but no {gpu.cdi_kind} was seen" if info.cdi_enabled else "CDI is off"
    # Another machine's hook can't be seen from here.
    return Check(
        name="gpu runtime",
        state=State.WARN if info.remote else worse(needed=needed),
        found=f"The engine has no runtime {gpu.driver}; {cdi}.",
        remedy=_TOOLKIT,
    )


def _skip(why: str) -> Check:
    return Check(name="gpu runtime", state=State.SKIP, found=why)
