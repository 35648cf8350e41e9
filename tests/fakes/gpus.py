"""GPUs as detection would have found them."""

from nobs.errors import BackendMissing
from nobs.schema.enums import Backend
from nobs.system.accelerators import detect_backend, find_accelerators
from nobs.system.gpus import AmdGpu, NvidiaGpu


def usable_backend() -> tuple[Backend, str]:
    """Return the accelerator's backend of this machine; `cpu`, with the reason, without one."""
    try:
        return detect_backend(find_accelerators()), "this machine has no accelerator"
    except BackendMissing as error:
        return Backend.CPU, error.message


def nvidia_gpu(
    index: int = 0,
    *,
    driver: str | None = None,
    capability: tuple[int, int] | None = (9, 0),
    memory_gb: float = 80.0,
) -> NvidiaGpu:
    """Return an NVIDIA GPU; its name tells its number."""
    return NvidiaGpu(
        index=index,
        name=f"NVIDIA {index}",
        memory_gb=memory_gb,
        driver_version=driver,
        compute_capability=capability,
        uuid=None,
    )


def amd_gpu(gfx: str = "gfx942", *, render_minor: int | None = 128) -> AmdGpu:
    """Return an AMD GPU with this architecture and render node."""
    return AmdGpu(
        node=1,
        name="AMD",
        gfx=gfx,
        memory_gb=192.0,
        render_minor=render_minor,
        driver_version=None,
    )
