from types import SimpleNamespace

import pytest

from nobs.system.gpus import NvidiaGpu
from nobs.system.nvml import Listing, list_gpus


class NvmlError(Exception):
    value = 0


class FakeNvml:
    """pynvml on a machine with the given GPUs; memory None is a GPU that shares the system's."""

    NVMLError = NvmlError

    def __init__(
        self, *gpus: tuple[str | bytes, int | None], driver: str | None = "580.65", error: int = 0
    ) -> None:
        self.gpus = gpus
        self.driver = driver
        self.error = error
        self.open = False

    def nvmlInit(self) -> None:  # noqa: N802
        if self.driver is None:
            error = NvmlError("Driver/library version mismatch")
            error.value = self.error
            raise error
        self.open = True

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open = False

    def nvmlSystemGetDriverVersion(self) -> str | None:  # noqa: N802
        return self.driver

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        if self.gpus[index][0] == "lost":
            raise NvmlError
        return index

    def nvmlDeviceGetName(self, handle: int) -> str | bytes:  # noqa: N802
        return self.gpus[handle][0]

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return f"GPU-{handle}"

    def nvmlDeviceGetCudaComputeCapability(self, handle: int) -> tuple[int, int]:  # noqa: N802
        return (9, handle)

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:  # noqa: N802
        memory = self.gpus[handle][1]
        if memory is None:
            raise NvmlError
        return SimpleNamespace(total=memory)


def gpus_of(nvml: FakeNvml) -> tuple[NvidiaGpu, ...]:
    listing = list_gpus(nvml)
    assert listing is not None
    return listing.gpus


def test_gpus_are_listed_as_nvidia_smi_would() -> None:
    nvml = FakeNvml((b"NVIDIA H200", 150754820096), ("NVIDIA GB10", None))

    assert gpus_of(nvml) == (
        NvidiaGpu(
            index=0, name="NVIDIA H200", uuid="GPU-0", driver_version="580.65",
            memory_gb=140.4, compute_capability=(9, 0),
        ),
        NvidiaGpu(
            index=1, name="NVIDIA GB10", uuid="GPU-1", driver_version="580.65",
            memory_gb=None, compute_capability=(9, 1), is_unified=True,
        ),
    )  # fmt: skip
    assert not nvml.open


def test_a_lost_gpu_does_not_hide_the_others() -> None:
    nvml = FakeNvml(("lost", 1), ("NVIDIA L4", 2**30))

    assert [gpu.name for gpu in gpus_of(nvml)] == ["NVIDIA L4"]


@pytest.mark.parametrize("error", [9, 12])
def test_no_driver_and_no_library_are_no_answer(error: int) -> None:
    assert list_gpus(FakeNvml(driver=None, error=error)) is None


def test_a_broken_driver_says_why() -> None:
    listing = list_gpus(FakeNvml(driver=None, error=18))

    assert listing == Listing(error="NVML: Driver/library version mismatch")
