"""Which way an engine hands over a GPU, and what its refusals mean."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from nobs.backends.base import GpuRequest
from nobs.errors import BackendMissing, EngineError, NobsError, StorageError
from nobs.launch.engine.info import EngineInfo

_TOOLKIT = (
    "Install the NVIDIA Container Toolkit, run `sudo nvidia-ctk runtime configure "
    "--runtime=docker` and restart Docker, or use --execution native."
)
_DRIVER = (
    "Check that nvidia-smi works on the host; after a driver update reboot, and where CDI is used "
    "renew it with `sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`."
)


@dataclass(frozen=True, kw_only=True)
class DeviceRequest:
    """A device request in the engine's own words."""

    driver: str
    capabilities: tuple[str, ...] = ()
    device_ids: tuple[str, ...] = ()


def choose_requests(gpu: GpuRequest, engine: EngineInfo) -> tuple[DeviceRequest, ...]:
    """Return the ways to ask `engine` for `gpu`, the best one first.

    The engine's driver is always among them: a hook in the engine's PATH shows nowhere beforehand.
    CDI is, too, wherever it is enabled: the engine's specifications may lie where we can't look.
    """
    by_cdi = DeviceRequest(
        driver="cdi", device_ids=tuple(f"{gpu.cdi_kind}={device}" for device in gpu.devices)
    )
    by_driver = DeviceRequest(
        driver=gpu.driver, capabilities=gpu.capabilities, device_ids=gpu.devices
    )
    if gpu.cdi_kind not in engine.cdi_kinds:
        return (by_driver, by_cdi) if engine.cdi_enabled else (by_driver,)
    # Without root the driver's hook can't write the cgroup; CDI needs no such thing.
    prefers_cdi = engine.rootless or gpu.driver not in engine.runtimes
    return (by_cdi, by_driver) if prefers_cdi else (by_driver, by_cdi)


def explain_refusal(text: str, image: str) -> NobsError:
    """Return the error, with its remedy, that an engine's refusal to create or start means."""
    short = _shorten(text)
    for pattern, make in _REFUSALS:
        if re.search(pattern, text, re.IGNORECASE):
            return make(short, image)
    return EngineError(
        f"The engine refused to start a container of {image}: {short}.",
        "Look at the engine's log (`journalctl -u docker`), or use --execution native.",
    )


def _shorten(text: str) -> str:
    return " ".join(text.split())[:600].rstrip(" .")


def _no_runtime(text: str, image: str) -> NobsError:
    return BackendMissing(
        f"The container engine has no way to hand over an NVIDIA GPU to {image}: {text}.", _TOOLKIT
    )


def _driver_broken(text: str, image: str) -> NobsError:
    return BackendMissing(f"The NVIDIA driver doesn't serve {image}: {text}.", _DRIVER)


def _driver_old(text: str, image: str) -> NobsError:
    return BackendMissing(
        f"The NVIDIA driver is too old for {image}: {text}.",
        "Update the driver, or build for CUDA 12 with --torch-index cu126.",
    )


def _no_device(text: str, image: str) -> NobsError:
    return BackendMissing(
        f"A device file that {image} needs is not there for the engine: {text}.",
        "Load the GPU's kernel driver (AMD's amdgpu makes /dev/kfd), or use --backend cpu.",
    )


def _no_image(text: str, image: str) -> NobsError:
    return EngineError(f"The image {image} isn't there: {text}.", "Build it with `nobs build`.")


def _broken_image(text: str, image: str) -> NobsError:
    return EngineError(
        f"The image {image} can't run the worker: {text}.", "Build it anew with `nobs build`."
    )


def _no_init(text: str, image: str) -> NobsError:
    return EngineError(
        f"The engine lacks its init program, which {image} is run under: {text}.",
        "Install it (Debian: `apt install tini`; elsewhere docker-init comes with Docker).",
    )


def _unshared(text: str, image: str) -> NobsError:
    return EngineError(
        f"The engine can't see a directory that {image} needs: {text}.",
        "With Docker Desktop share it in Settings, Resources, File sharing; an engine on another "
        "machine can't see the files of this one: use --execution native.",
    )


def _disk_full(text: str, image: str) -> NobsError:
    return StorageError(
        f"No space left for a container of {image}: {text}.",
        "Free some with `docker system prune` or put Docker's data on a larger disk.",
    )


def _name_taken(text: str, image: str) -> NobsError:
    return EngineError(
        f"A container of this run exists already ({image}): {text}.",
        "Wait for it, or remove it with `docker rm -f` and its name.",
    )


_REFUSALS: tuple[tuple[str, Callable[[str, str], NobsError]], ...] = (
    (r"unsatisfied condition: (cuda|driver)", _driver_old),
    (r"nvidia-container-cli|libnvidia-ml|nvml error|failed to initialize nvml", _driver_broken),
    (r"unresolvable CDI devices|CDI device injection failed", _driver_broken),
    (r"could not select device driver|(unknown|invalid) runtime", _no_runtime),
    (r"error gathering device information|no such device", _no_device),
    (r"no such image", _no_image),
    (r"docker-init", _no_init),
    (r"executable file not found|exec format error|exec user process", _broken_image),
    (r"bind source path does not exist|mounts denied|not shared from the host", _unshared),
    (r"no space left on device|disk quota exceeded", _disk_full),
    (r"already in use by container", _name_taken),
)
