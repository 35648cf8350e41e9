from collections.abc import Callable

import pytest

from nobs.schema.device import DeviceInfo
from nobs.schema.enums import Backend
from nobs.system.device_info import get_device_info
from nobs.system.probe import Probe

SHARED = "shared with system RAM"

# The values of the seven fields, in their order.
EXPECTED: dict[str, tuple[str, str, float, str, str | None, float | str | None, str]] = {
    "laptop_rtx4060": (
        "Linux",
        "cuda",
        22.89,
        "Intel Core Ultra 9 185H (16)",
        "NVIDIA GeForce RTX 4060 Laptop GPU",
        8.0,
        "ASUSTeK COMPUTER INC. ASUS Vivobook Pro 15 N6506MV_N6506MV 1.0",
    ),
    "vm_openstack_rtx4090": (
        "Linux",
        "cuda",
        15.62,
        "Intel Xeon (Icelake) (8)",
        "NVIDIA GeForce RTX 4090",
        23.99,
        "OpenStack Foundation OpenStack Nova 26.3.1",
    ),
    "vm_bare": ("Linux", "cpu", 23.54, "AMD EPYC (2)", None, None, "KVM virtual machine"),
    "vm_unnamed_cpu": (
        "Linux",
        "cpu",
        8.0,
        "Intel x86_64 virtual CPU (8)",
        None,
        None,
        "VMware virtual machine",
    ),
    "server_mi300x": (
        "Linux",
        "rocm",
        1512.0,
        "AMD EPYC 9354 (64)",
        "AMD Instinct MI300X",
        191.98,
        "Supermicro AS -8125GS-TNMR2",
    ),
    "desktop_radeon_igpu": (
        "Linux",
        "cpu",
        31.25,
        "AMD Ryzen 7 7700X (8)",
        "AMD Radeon 610M",
        f"{SHARED}, 0.5 GiB set aside",
        "ASUSTeK COMPUTER INC. PRIME B650-PLUS",
    ),
    "spark_gb10": (
        "Linux",
        "cuda",
        119.68,
        "Arm Cortex-X925 (20)",
        "NVIDIA GB10",
        SHARED,
        "NVIDIA_DGX_Spark A.7",
    ),
    "laptop_radeon_fastfetch": (
        "Linux",
        "cpu",
        14.9,
        "AMD Ryzen 7 5800H (8)",
        "AMD Radeon RX 6700M",
        10.0,
        "LENOVO 82JU Legion 5 15ACH6H",
    ),
    "macbook_m4_max": (
        "Darwin",
        "mps",
        36.0,
        "Apple M4 Max (14)",
        "Apple M4 Max (32 cores)",
        SHARED,
        "Mac16,6",
    ),
    "macbook_quiet_profiler": (
        "Darwin",
        "mps",
        36.0,
        "Apple M4 Max (14)",
        "Apple M4 Max (32 cores)",
        SHARED,
        "Mac16,6",
    ),
    "windows_rtx4080": (
        "Windows",
        "cuda",
        31.92,
        "AMD Ryzen 9 7950X (16)",
        "NVIDIA GeForce RTX 4080",
        15.99,
        "ASRock X670E Taichi",
    ),
    "windows_old_intel": (
        "Windows",
        "cpu",
        15.89,
        "11th Gen Intel Core i7-1165G7 (4)",
        "Intel(R) Iris(R) Xe Graphics",
        None,
        "LENOVO 20XW0055GE ThinkPad X1 Carbon Gen 9",
    ),
    "windows_vm_fastfetch": (
        "Windows",
        "cpu",
        16.0,
        "13th Gen Intel Core i7-13700H (8)",
        None,
        None,
        "QEMU Standard PC (Q35 + ICH9, 2009) pc-q35-8.1",
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_recorded_machine_is_described(name: str, recorded: Callable[[str], Probe]) -> None:
    fields = dict(zip(DeviceInfo.model_fields, EXPECTED[name], strict=True))

    info = get_device_info(probe=recorded(name))

    assert info.model_dump() == fields


def test_a_run_on_the_cpu_still_names_the_gpu(recorded: Callable[[str], Probe]) -> None:
    info = get_device_info(Backend.CPU, recorded("laptop_rtx4060"))

    assert (info.device, info.gpu_name) == (Backend.CPU, "NVIDIA GeForce RTX 4060 Laptop GPU")


def test_an_asked_for_backend_names_its_own_gpu(recorded: Callable[[str], Probe]) -> None:
    info = get_device_info(Backend.ROCM, recorded("desktop_radeon_igpu"))

    assert (info.device, info.gpu_name) == (Backend.ROCM, "AMD Radeon 610M")


def test_a_machine_that_tells_nothing_gets_its_architecture(
    bare_linux: Callable[..., Probe],
) -> None:
    info = get_device_info(probe=bare_linux())

    assert (info.processor, info.gpu_name, info.host) == ("x86_64 CPU", None, "Linux x86_64")


def test_a_board_names_itself_in_the_device_tree(bare_linux: Callable[..., Probe]) -> None:
    files = {"/proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0"}

    assert get_device_info(probe=bare_linux(files=files)).host == "Raspberry Pi 5 Model B Rev 1.0"
