"""NVIDIA GPUs, or why one that is present can't be used."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace

from nobs.schema.enums import Backend
from nobs.system import visible
from nobs.system.answer import Answer
from nobs.system.gpus import NvidiaGpu, Obstacle
from nobs.system.nvml import Listing
from nobs.system.parsers import nvidia
from nobs.system.pci import NVIDIA, find_pci_gpus
from nobs.system.probe import PROBE_S, Probe

type Found = tuple[tuple[NvidiaGpu, ...], tuple[Obstacle, ...], tuple[str, ...]]
"""GPUs, obstacles and remarks."""

_MIG_CAPABLE = re.compile(r"\b(A30|[AH]100|[AH]800|GH200|H20|H200|G?B[23]00)\b")
_LEAST_S = 0.5
_KERNEL_DRIVER = "/proc/driver/nvidia/version"
_REINSTALL = "Check `nvidia-smi`, load the driver (`sudo modprobe nvidia`) or install it again"
_REMEDIES = (
    (r"version mismatch", "Reboot: the driver was updated, and the kernel still runs the old one"),
    (r"couldn't communicate|driver is not loaded|not loaded", _REINSTALL),
    (r"insufficient permissions|permission denied|insufficient user permissions",
     "Let this user open /dev/nvidia* (often the group `video`)"),
    (r"no devices were found|lost|off the bus|requires reset|the device handle|unknown error",
     "Look for Xid errors in `sudo dmesg`, and reboot"),
    (r"libnvidia-ml|nvml shared library|initialize nvml",
     "Install the driver's library (libnvidia-ml.so.1), or start the container with its GPU"),
)  # fmt: skip
_TOOL = "nvidia-smi"


def find_nvidia(machine: Probe) -> Found:
    """Return the GPUs that nvidia-smi lists, else those that NVML lists."""
    deadline = time.monotonic() + PROBE_S
    answer = _ask_table(machine, deadline)
    gpus = nvidia.parse_table(answer.stdout if answer else None)
    library = None
    if not gpus and not (answer and answer.gave_up):
        library = machine.ask_nvml()
        gpus = library.gpus if library else ()
    if not gpus:
        return (), tuple(_explain(machine, answer, library)), ()
    if _may_be_divided(machine, gpus, answer):
        listed = machine.ask(nvidia.LIST, _left(deadline))
        gpus = nvidia.parse_slices(listed.stdout if listed else None, gpus)
    return gpus, tuple(_idle_mig(gpus)), tuple(_complaints(answer))


def _ask_table(machine: Probe, deadline: float) -> Answer | None:
    """Query as newer drivers expect, then as older ones do; both within one deadline."""
    answer = machine.ask(nvidia.QUERY, PROBE_S)
    if answer and (answer.gave_up or nvidia.parse_table(answer.stdout)):
        return answer
    older = machine.ask(nvidia.QUERY_OLD_DRIVER, _left(deadline))
    return older if older and nvidia.parse_table(older.stdout) else answer or older


def _left(deadline: float) -> float:
    return max(_LEAST_S, deadline - time.monotonic())


def _may_be_divided(machine: Probe, gpus: tuple[NvidiaGpu, ...], answer: Answer | None) -> bool:
    """Return whether there may be MIG instances; older drivers' tables don't say."""
    if any(gpu.slices is not None for gpu in gpus):
        return True
    if "MIG-" in machine.environment.get(visible.CUDA_VARIABLE, ""):
        return True
    is_said = answer is not None and "Disabled" in answer.stdout
    return not is_said and any(_MIG_CAPABLE.search(gpu.name) for gpu in gpus)


def _idle_mig(gpus: tuple[NvidiaGpu, ...]) -> Iterator[Obstacle]:
    """Yield GPUs with MIG enabled but without an instance: CUDA can't use them."""
    for gpu in gpus:
        if gpu.slices == ():
            yield Obstacle(
                backend=Backend.CUDA,
                reason=f"MIG is on for {gpu.name}, but it has no instance.",
                remedy="Make one (`sudo nvidia-smi mig -cgi 0 -C`), or turn MIG off "
                f"(`sudo nvidia-smi -i {gpu.index} -mig 0`)",
            )


def _complaints(answer: Answer | None) -> Iterator[str]:
    """Yield complaints of nvidia-smi where GPUs are known, such as one that is lost."""
    if answer is None:
        return
    rest = nvidia.find_complaints(answer.stdout)
    said = replace(answer, stdout=rest).text
    if answer.exit_code:
        yield f"{_TOOL} exited with {answer.exit_code}" + (f": {said}" if said else "")
    elif rest:
        yield f"{_TOOL}: {said}"


def _explain(machine: Probe, answer: Answer | None, library: Listing | None) -> Iterator[Obstacle]:
    """Yield why no GPU was listed, if NVIDIA hardware or tools are here."""
    if answer is not None and answer.gave_up:
        yield _broken(
            f"{_TOOL} is installed, but gave no answer within {PROBE_S:g} s.",
            "Run `nvidia-smi` by hand: if it is slow, `sudo nvidia-smi -pm 1` keeps the driver "
            "loaded; if it hangs, look at `sudo dmesg` and reboot",
        )
    elif answer is not None:
        said = answer.text.rstrip(".") or "no output"
        yield _broken(
            f"{_TOOL} is installed, but lists no GPU (exit code {answer.exit_code}): {said}.",
            _remedy_of(answer.text),
        )
    elif library is not None and library.gave_up:
        yield _broken(
            f"NVML gave no answer within {PROBE_S:g} s.", "Look at `sudo dmesg` and reboot"
        )
    elif library is not None:
        said = library.error or "it lists no GPU"
        yield _broken(f"NVIDIA's driver is installed, but: {said}.", _remedy_of(said))
    else:
        yield from _explain_bus(machine)


def _explain_bus(machine: Probe) -> Iterator[Obstacle]:
    """Yield evidence of a GPU in Linux where neither nvidia-smi nor NVML is installed."""
    on_bus = list(find_pci_gpus(machine, NVIDIA))
    served = [gpu for gpu in on_bus if gpu.driver == "nvidia"]
    has_files = any(re.fullmatch(r"nvidia[0-9]+", name) for name in machine.names("/dev"))
    if served or has_files or machine.read(_KERNEL_DRIVER):
        where = f" serves {', '.join(gpu.address for gpu in served)}" if served else " is loaded"
        yield _broken(
            f"NVIDIA's kernel driver{where}, but neither nvidia-smi nor NVML answers here.",
            "In a container, start it with its GPU (`docker run --gpus all`); else install the "
            "driver's tools (Debian: nvidia-smi, Ubuntu: nvidia-utils)",
        )
        return
    for gpu in on_bus:
        driver = f"its driver is {gpu.driver}" if gpu.driver else "no driver serves it"
        yield Obstacle(
            backend=Backend.CUDA,
            reason=f"The NVIDIA GPU at {gpu.address} isn't used: {driver}.",
            remedy="Install NVIDIA's driver to measure it",
            is_broken=False,
        )


def _remedy_of(text: str) -> str:
    return next(
        (remedy for pattern, remedy in _REMEDIES if re.search(pattern, text, re.IGNORECASE)),
        _REINSTALL,
    )


def _broken(reason: str, remedy: str) -> Obstacle:
    return Obstacle(backend=Backend.CUDA, reason=reason, remedy=remedy)
