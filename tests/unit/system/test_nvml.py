from types import SimpleNamespace

import pytest

from nobs.system.answer import Answer
from nobs.system.nvml import query_table
from nobs.system.parsers.nvidia import parse_table


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


def table_of(nvml: FakeNvml) -> str:
    answer = query_table(nvml)
    assert answer is not None
    return answer.stdout


def test_the_table_reads_like_nvidia_smi() -> None:
    nvml = FakeNvml((b"NVIDIA H200", 150754820096), ("NVIDIA GB10", None))

    first, second = parse_table(table_of(nvml))

    assert (first.name, first.memory_gb, first.compute_capability) == (
        "NVIDIA H200",
        140.4,
        (9, 0),
    )
    assert (second.name, second.memory_gb, second.uuid) == ("NVIDIA GB10", None, "GPU-1")
    assert not nvml.open


def test_a_lost_gpu_does_not_hide_the_others() -> None:
    nvml = FakeNvml(("lost", 1), ("NVIDIA L4", 2**30))

    assert [gpu.name for gpu in parse_table(table_of(nvml))] == ["NVIDIA L4"]


@pytest.mark.parametrize("error", [9, 12])
def test_no_driver_and_no_library_are_no_answer(error: int) -> None:
    assert query_table(FakeNvml(driver=None, error=error)) is None


def test_a_broken_driver_says_why() -> None:
    answer = query_table(FakeNvml(driver=None, error=18))

    assert answer == Answer(stderr="NVML: Driver/library version mismatch", exit_code=1)


def test_no_library_is_no_table() -> None:
    assert query_table(None) is None
