from pathlib import Path
from types import SimpleNamespace

import pytest

from nobs.schema.enums import Backend
from nobs.system.probe import LocalMachine
from nobs.system.telemetry.nvidia import REASONS, find
from nobs.system.telemetry.reader import CHANNELS, Target

TARGET = Target(backend=Backend.CUDA, uuid="GPU-8f3c")
# Values as NVML gave them for an H100 SXM under load.
H100: dict[str, object] = {
    "TotalEnergyConsumption": 1_234_567_890,
    "PowerUsage": 691_204,
    "UtilizationRates": SimpleNamespace(gpu=98, memory=41),
    "MemoryInfo": SimpleNamespace(total=85520809984, used=9_437_184_000),
    "CurrentClocksThrottleReasons": 0x4,
    "Name": b"NVIDIA H100 80GB HBM3",
    "VbiosVersion": "96.00.89.00.01",
    "EnforcedPowerLimit": 700_000,
    "PowerManagementDefaultLimit": 700_000,
    "CurrPcieLinkGeneration": 5,
    "CurrPcieLinkWidth": 16,
    "MaxPcieLinkGeneration": 5,
    "MaxPcieLinkWidth": 16,
    "ComputeMode": 0,
    "ApplicationsClock": 1200,
    "DefaultApplicationsClock": 1980,
    "PersistenceMode": 1,
    "PciInfo": SimpleNamespace(busId=b"00000000:C1:00.0"),
    "EccMode": [1, 1],
    "ComputeRunningProcesses": [SimpleNamespace(pid=11), SimpleNamespace(pid=12)],
}


class NvmlError(Exception):
    pass


class FakeNvml:
    """pynvml on a machine with one GPU; what its table lacks is not supported."""

    NVMLError = NvmlError
    NVML_TEMPERATURE_GPU = 0
    NVML_CLOCK_SM = 1
    NVML_CLOCK_MEM = 2

    def __init__(self, told: dict[str, object], uuid: str = "GPU-8f3c") -> None:
        self.told = told
        self.uuid = uuid
        self.open = 0
        self.asked: set[object] = set()

    def __getattr__(self, name: str) -> object:
        def call(*handles: object) -> object:
            self.asked |= set(handles[:1])
            key = name.removeprefix("nvmlDeviceGet")
            if key not in self.told:
                raise NvmlError("Not Supported")
            return self.told[key]

        return call

    def nvmlInit(self) -> None:  # noqa: N802
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        return "580.65.06"

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:  # noqa: N802
        return f"handle of {index}"

    def nvmlDeviceGetHandleByPciBusId(self, pci: str) -> str:  # noqa: N802
        if pci != "0000:01:00.0":
            raise NvmlError("Not Found")
        return f"handle of {pci}"

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        if uuid != self.uuid:
            raise NvmlError("Not Found")
        return f"handle of {uuid}"

    def nvmlDeviceGetClockInfo(self, _: str, kind: int) -> int:  # noqa: N802
        return {1: 1755, 2: 2619}[kind]

    def nvmlDeviceGetMaxClockInfo(self, _: str, kind: int) -> int:  # noqa: N802
        return {1: 1980, 2: 2619}[kind]

    def nvmlDeviceGetTemperature(self, _: str, sensor: int) -> int:  # noqa: N802
        return 61 + sensor

    def nvmlDeviceGetViolationStatus(self, _: str, policy: int) -> SimpleNamespace:  # noqa: N802
        if policy == 5:
            raise NvmlError("Not Supported")
        return SimpleNamespace(referenceTime=1, violationTime=policy * 2_000_000_000)


def test_every_channel_is_in_si_units() -> None:
    (reader,) = find(TARGET, FakeNvml(H100))

    assert {name: channel.read() for name, channel in reader.channels.items()} == {
        "energy_j": pytest.approx(1_234_567.89),
        "power_w": pytest.approx(691.204),
        "utilisation": 0.98,
        "memory_bytes": 9_437_184_000,
        "clock_hz": 1.755e9,
        "memory_clock_hz": 2.619e9,
        "temperature_c": 61,
        "throttle": 4,
        "pcie_generation": 5,
        "pcie_width": 16,
    }
    assert set(reader.channels) == {*CHANNELS, "pcie_generation", "pcie_width"}
    assert (reader.name, reader.processes and reader.processes()) == (
        "NVIDIA H100 80GB HBM3",
        {11, 12},
    )


def test_violation_times_are_seconds_and_unsupported_ones_are_left_out() -> None:
    (reader,) = find(TARGET, FakeNvml(H100))

    assert {name: channel.read() for name, channel in reader.totals.items()} == {
        "power": 0.0, "thermal": 2.0, "sync-boost": 4.0, "board-limit": 6.0,
    }  # fmt: skip


def test_driver_firmware_and_limits_are_facts(tmp_path: Path) -> None:
    slot = tmp_path / "sys/bus/pci/devices/0000:c1:00.0"
    slot.mkdir(parents=True)
    (slot / "numa_node").write_text("1\n")
    (reader,) = find(TARGET, FakeNvml(H100), LocalMachine(root=tmp_path))

    assert reader.facts == {
        "driver": "580.65.06", "firmware": "96.00.89.00.01", "power_limit_w": 700.0,
        "default_power_limit_w": 700.0, "max_clock_hz": 1.98e9, "max_memory_clock_hz": 2.619e9,
        "set_clock_hz": 1.2e9, "default_set_clock_hz": 1.98e9,
        "max_pcie_generation": 5, "max_pcie_width": 16, "compute_mode": "default",
        "persistence_mode": True, "ecc": True, "numa_node": 1,
    }  # fmt: skip


def test_limits_are_read_again_each_time() -> None:
    told = dict(H100)
    (reader,) = find(TARGET, FakeNvml(told))
    before = reader.limits()
    told |= {"EnforcedPowerLimit": 300_000}
    del told["ApplicationsClock"]

    after = {
        "power_limit_w": 300.0, "compute_mode": "default", "persistence_mode": True, "ecc": True,
    }  # fmt: skip
    assert before == after | {"power_limit_w": 700.0, "set_clock_hz": 1.2e9}
    assert reader.limits() == after


def test_a_gpu_without_energy_counter_says_so() -> None:
    told = {key: value for key, value in H100.items() if key != "TotalEnergyConsumption"}
    (reader,) = find(TARGET, FakeNvml(told))

    assert "energy_j" not in reader.channels
    assert reader.why_absent("energy_j") == "NVML's energy counter: Not Supported"
    assert "power_w" in reader.channels


MIG = "NVIDIA A100-SXM4-80GB MIG 3g.40gb"


@pytest.mark.parametrize(
    ("target", "handle"),
    [
        (Target(backend=Backend.CUDA, name=MIG, uuid="MIG-8f3c", pci="0000:01:00.0"), "MIG-8f3c"),
        (Target(backend=Backend.CUDA, uuid="GPU-unknown", pci="0000:01:00.0"), "0000:01:00.0"),
        (Target(backend=Backend.CUDA, name="NVIDIA H100", pci="0000:01:00.0"), "0000:01:00.0"),
        (Target(backend=Backend.CUDA), "0"),
    ],
)
def test_the_device_is_found_by_its_address(target: Target, handle: str) -> None:
    nvml = FakeNvml(H100, "MIG-8f3c")
    (reader,) = find(target, nvml)

    assert reader.channels
    assert nvml.asked == {f"handle of {handle}"}


@pytest.mark.parametrize("name", [MIG, "NVIDIA A40-8Q"])
def test_a_slice_has_no_power_of_its_own(name: str) -> None:
    (reader,) = find(TARGET, FakeNvml(H100 | {"Name": name}))

    assert not {"energy_j", "power_w"} & set(reader.channels)
    assert "slice" in reader.why_absent("energy_j")
    assert "memory_bytes" in reader.channels


@pytest.mark.parametrize(
    "target",
    [
        Target(backend=Backend.CUDA, name="NVIDIA H100", uuid="GPU-unknown", pci="0000:99:00.0"),
        Target(backend=Backend.CUDA, name=MIG, uuid="MIG-unknown", pci="0000:01:00.0"),
        Target(backend=Backend.CUDA, name="NVIDIA H100"),
    ],
)
def test_no_other_gpu_is_read_for_one_that_nvml_does_not_know(target: Target) -> None:
    (reader,) = find(target, FakeNvml(H100))

    assert reader.channels == {}
    assert f"NVML doesn't know {target.name}" in reader.why_absent("energy_j")


def test_a_machine_without_driver_says_why() -> None:
    nvml = FakeNvml(H100)
    nvml.nvmlInit = nvml.nvmlNoDriver  # type: ignore[method-assign, assignment]
    (reader,) = find(TARGET, nvml)

    assert reader.channels == {}
    assert reader.why_absent("power_w") == "NVML: Not Supported"


def test_other_backends_have_no_nvidia_reader() -> None:
    assert find(Target(backend=Backend.CPU), FakeNvml(H100)) == []


def test_closing_gives_the_library_back() -> None:
    nvml = FakeNvml(H100)
    (reader,) = find(TARGET, nvml)
    reader.close()

    assert nvml.open == 0


def test_bits_are_those_of_nvml() -> None:
    pynvml = pytest.importorskip("pynvml")

    assert {
        "idle": pynvml.nvmlClocksThrottleReasonGpuIdle,
        "application-clocks": pynvml.nvmlClocksThrottleReasonApplicationsClocksSetting,
        "software-power-cap": pynvml.nvmlClocksThrottleReasonSwPowerCap,
        "hardware-slowdown": pynvml.nvmlClocksThrottleReasonHwSlowdown,
        "sync-boost": pynvml.nvmlClocksThrottleReasonSyncBoost,
        "software-thermal": pynvml.nvmlClocksThrottleReasonSwThermalSlowdown,
        "hardware-thermal": pynvml.nvmlClocksThrottleReasonHwThermalSlowdown,
        "power-brake": pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown,
        "display-clocks": pynvml.nvmlClocksThrottleReasonDisplayClockSetting,
    } == {name: bit for bit, name in REASONS.items()}
