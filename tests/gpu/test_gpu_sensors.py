"""Sensors of a real accelerator under a steady load; skipped where there is none."""

import time
from typing import TYPE_CHECKING

import pytest

from nobs.runner.environment import device_target, torch_device
from nobs.runner.measure import repeat
from nobs.runner.telemetry import Monitor
from nobs.schema.enums import Backend
from nobs.schema.pins import RepeatPolicy
from nobs.schema.telemetry import DeviceTelemetry, Evidence
from nobs.system.telemetry import find_readers
from tests.fakes.gpus import usable_backend

if TYPE_CHECKING:
    import torch

BACKEND, WHY_NOT = usable_backend()
SIZE = 4096
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(BACKEND is Backend.CPU, reason=WHY_NOT),
]


class Products:
    """Matrix products for a second."""

    def __init__(self) -> None:
        import torch  # noqa: PLC0415 - this module is collected without it

        self.torch = torch
        self.left, self.right = torch.randn(2, SIZE, SIZE, device=torch_device(BACKEND))
        self.synchronize()

    def run(self) -> int:
        end, done = time.perf_counter() + 1.0, 0
        while time.perf_counter() < end:
            self.product: torch.Tensor = self.left @ self.right
            self.synchronize()
            done += 1
        return done

    def synchronize(self) -> None:
        getattr(self.torch, torch_device(BACKEND)).synchronize()


@pytest.fixture(scope="module")
def gpu() -> DeviceTelemetry:
    """What the sensors tell of eight seconds of full load."""
    work = Products()
    monitor = Monitor(find_readers(device_target(BACKEND)))
    monitor.watch_idle()
    for _ in range(3):  # some power sensors average over a second
        work.run()
    with monitor:
        samples = repeat(work, RepeatPolicy(repeats=8), lambda _number, _sample: None)
    told = monitor.summarise(samples)
    monitor.close()
    return next(device for device in told.devices if device.kind == "gpu")


def test_counted_energy_is_that_of_integrated_power(gpu: DeviceTelemetry) -> None:
    counted, integrated = gpu.energy_j.value, gpu.integrated_energy_j.value
    if counted is None or integrated is None:
        pytest.skip(f"{gpu.energy_j.how}; {gpu.integrated_energy_j.how}")

    assert counted == pytest.approx(integrated, rel=0.1)


def test_load_takes_more_power_than_idleness(gpu: DeviceTelemetry) -> None:
    if gpu.net_energy_j.value is None:
        pytest.skip(gpu.net_energy_j.how)

    assert gpu.net_energy_j.value > 0


@pytest.mark.skipif(BACKEND is not Backend.CUDA, reason="NVML alone tells reasons by sample")
def test_throttle_reasons_load_and_clocks_are_read(gpu: DeviceTelemetry) -> None:
    assert gpu.throttling.evidence is Evidence.MEASURED
    assert gpu.throttling.shares.get("idle", 0.0) < 0.5
    assert gpu.utilisation.value is not None
    assert gpu.utilisation.value > 0.5
    assert gpu.clock_min_hz.value is not None
    assert gpu.clock_min_hz.value > 1e8
