from collections.abc import Callable

import pytest

from nobs.schema.enums import Backend
from nobs.system.accelerators import detect_backend, find_accelerators
from nobs.system.gpus import Accelerators, AmdGpu, AppleGpu, NvidiaGpu
from nobs.system.nvml import Listing
from nobs.system.parsers.amd import gfx_name, product_name
from nobs.system.parsers.nvidia import parse_table
from nobs.system.probe import Probe
from tests.fakes.gpus import amd_gpu, nvidia_gpu


def test_nvidia_smi_tells_all_of_a_gpu(recorded: Callable[[str], Probe]) -> None:
    assert find_accelerators(recorded("laptop_rtx4060")).nvidia == (
        NvidiaGpu(
            index=0,
            name="NVIDIA GeForce RTX 4060 Laptop GPU",
            memory_gb=8.0,
            driver_version="580.65.06",
            compute_capability=(8, 9),
            uuid="GPU-2f6f1e0b-6f0a-1b5e-9f52-1d0c5a1b9e44",
        ),
    )


def test_a_driver_before_510_is_asked_without_the_capability(
    bare_linux: Callable[..., Probe],
) -> None:
    old = "nvidia-smi --query-gpu=index,name,uuid,driver_version,memory.total --format"
    machine = bare_linux(commands={old: "0, Tesla T4, GPU-1, 470.82.01, 15109\n"})

    (gpu,) = find_accelerators(machine).nvidia

    assert (gpu.name, gpu.compute_capability, gpu.memory_gb) == ("Tesla T4", None, 14.75)


def test_nvml_answers_where_nvidia_smi_is_absent(bare_linux: Callable[..., Probe]) -> None:
    machine = bare_linux(
        nvml=Listing(gpus=parse_table("0, NVIDIA H200, GPU-2, 570.1, 143771, 9.0"))
    )

    accelerators = find_accelerators(machine)

    assert accelerators.nvidia[0].compute_capability == (9, 0)
    assert detect_backend(accelerators) is Backend.CUDA


def test_kfd_nodes_that_can_be_read_are_gpus(recorded: Callable[[str], Probe]) -> None:
    first, second = find_accelerators(recorded("server_mi300x")).amd

    assert first == AmdGpu(
        node=2,
        name="AMD Instinct MI300X",
        gfx="gfx942",
        memory_gb=191.98,
        render_minor=128,
        driver_version="6.12.12",
        device_id=0x74A1,
    )
    assert first.render_node == "/dev/dri/renderD128"
    assert (second.name, second.render_node) == ("AMD Instinct MI300X OAM", "/dev/dri/renderD136")


def test_an_x86_python_on_a_mac_has_no_mps(bare_linux: Callable[..., Probe]) -> None:
    machine = bare_linux(system="Darwin", machine="x86_64")

    assert detect_backend(find_accelerators(machine)) is Backend.CPU


@pytest.mark.parametrize(
    ("gfx", "expected"),
    [("gfx942", Backend.ROCM), ("gfx1201", Backend.ROCM), ("gfx1036", Backend.CPU)],
)
def test_only_gpus_with_rocm_kernels_make_a_rocm_machine(gfx: str, expected: Backend) -> None:
    gpu = amd_gpu(gfx, render_minor=None)

    assert detect_backend(Accelerators(amd=(gpu,))) is expected
    assert gpu.render_node is None


def test_cuda_comes_before_the_gpu_of_the_processor() -> None:
    found = Accelerators(nvidia=(nvidia_gpu(),), amd=(amd_gpu("gfx1201"),))

    assert detect_backend(found) == "cuda"


def test_the_primary_gpu_is_the_one_that_cuda_numbers_first() -> None:
    accelerators = Accelerators(nvidia=(nvidia_gpu(0, capability=(7, 5)), nvidia_gpu(1)))

    assert accelerators.primary(Backend.CUDA) == accelerators.nvidia[1]


def test_the_first_of_equal_gpus_is_primary() -> None:
    accelerators = Accelerators(nvidia=(nvidia_gpu(0), nvidia_gpu(1)))

    assert accelerators.primary(Backend.CUDA) == accelerators.nvidia[0]


def test_a_mac_without_core_count_is_still_mps(bare_linux: Callable[..., Probe]) -> None:
    accelerators = find_accelerators(bare_linux(system="Darwin", machine="arm64"))

    assert accelerators.apple == AppleGpu(name="Apple GPU", cores=None)
    assert detect_backend(accelerators) is Backend.MPS


@pytest.mark.parametrize(
    ("version", "gfx"),
    [
        (90402, "gfx942"),
        (90010, "gfx90a"),
        (90500, "gfx950"),
        (100306, "gfx1036"),
        (110501, "gfx1151"),
        (120001, "gfx1201"),
        (0, None),
        (None, None),
    ],
)
def test_target_versions_become_instruction_sets(version: int | None, gfx: str | None) -> None:
    assert gfx_name(version) == gfx


def test_an_unlisted_amd_gpu_is_named_by_its_instruction_set() -> None:
    assert product_name(None, None, 0x1234, "0x00", "gfx1250") == "AMD GPU (gfx1250)"
