"""The device of a check against the device that a report describes."""

from typing import Any

import pytest

from nobs.schema.device import DeviceInfo
from nobs.schema.enums import Backend
from nobs.schema.result import DeviceCheck
from nobs.system.matching import find_difference
from tests.fakes.runs import DEVICE

GIB = 2**30
SHARED = "shared with system RAM"


def info(name: str | None, memory: float | str | None, device: str = "cuda") -> DeviceInfo:
    gpu = {"device": Backend(device), "gpu_name": name, "gpu_memory_gb": memory}
    return DEVICE.model_copy(update=gpu)


def check(name: str, memory_gib: float | None = None, **facts: Any) -> DeviceCheck:
    size = None if memory_gib is None else int(memory_gib * GIB)
    return DeviceCheck(
        device="cuda:0", device_name=name, passed=True, max_error=0.0, duration_s=0.1,
        memory_bytes=size, **facts,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("described", "seen"),
    [
        (info("NVIDIA GeForce RTX 4090", 23.99), check("NVIDIA GeForce RTX 4090")),
        (info("NVIDIA GeForce RTX 4090", 23.99), check("NVIDIA GeForce RTX 4090", 23.52)),
        (info("Tesla T4", 14.75), check("Tesla T4", 14.56, is_unified=False)),
        (info("NVIDIA GB10", SHARED), check("NVIDIA GB10", 119.7, is_unified=True)),
        (info("Orin (nvgpu)", SHARED), check("Orin", 30.0)),
        (info("NVIDIA L4", None), check("NVIDIA L4", 22.0)),
        (info("AMD Instinct MI300X OAM", 191.98, "rocm"), check("AMD Instinct MI300X", 191.98)),
        (info("AMD Radeon 890M", f"{SHARED}, 4 GiB set aside", "rocm"),
         check("AMD Radeon Graphics", 15.0, is_unified=True)),
        (info("Apple M4 Max (32 cores)", SHARED, "mps"), check("arm")),
        (info("NVIDIA L4", 22.5, "cpu"), check("x86_64")),
    ],
)  # fmt: skip
def test_the_same_device_in_other_words_is_no_difference(
    described: DeviceInfo, seen: DeviceCheck
) -> None:
    assert find_difference(described, seen) is None


@pytest.mark.parametrize(
    ("described", "seen", "told"),
    [
        (info("NVIDIA GeForce RTX 4090", 23.99), check("NVIDIA GeForce RTX 3060"), "RTX 3060"),
        (info("NVIDIA GeForce RTX 4060", 8.0), check("NVIDIA GeForce RTX 4060 Ti"), "4060 Ti"),
        (info("NVIDIA GeForce RTX 4060", 8.0), check("NVIDIA GeForce RTX 4060 Laptop GPU"),
         "Laptop"),
        (info("NVIDIA GeForce RTX 3060", 12.0), check("NVIDIA GeForce RTX 3060", 7.8), "7.80 GiB"),
        (info("NVIDIA A100-SXM4-80GB", 80.0), check("NVIDIA A100-SXM4-80GB MIG 1g.10gb", 9.5),
         "MIG 1g.10gb"),
        (info("NVIDIA A40", 45.0), check("NVIDIA A40-8Q", 8.0), "A40-8Q"),
        (info("NVIDIA GB10", 119.6), check("NVIDIA GB10", 119.6, is_unified=True), SHARED),
        (info("NVIDIA L4", SHARED), check("NVIDIA L4", 22.0, is_unified=False), "22.00 GiB"),
        (info(None, None), check("NVIDIA L4", 22.0), "NVIDIA L4 instead of None"),
        (info("AMD Instinct MI300X", 191.98, "rocm"), check("AMD Instinct MI210"), "MI210"),
        (info("AMD Radeon RX 7900 XTX", 23.98, "rocm"), check("AMD Radeon RX 6600"), "6600"),
    ],
)  # fmt: skip
def test_another_device_is_named(described: DeviceInfo, seen: DeviceCheck, told: str) -> None:
    difference = find_difference(described, seen)

    assert difference is not None
    assert told in difference
