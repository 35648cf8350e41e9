from types import SimpleNamespace

import pytest

from nobs.schema.enums import Backend
from nobs.system.telemetry.amd import find
from nobs.system.telemetry.reader import Target

MI300X = "0000:c1:00.0"
W7900 = "0000:03:00.0"
# Values as amdsmi gave them for two generations: each fills other keys and writes "N/A" elsewhere.
TOLD: dict[str, dict[str, object]] = {
    MI300X: {
        "power_info": {"socket_power": 0, "current_socket_power": 702,
                       "average_socket_power": "N/A"},
        "energy_count": {"energy_accumulator": 2_000_000_000, "counter_resolution": 15.3},
        "gpu_activity": {"gfx_activity": 97, "umc_activity": 30},
        "gpu_vram_usage": {"vram_total": 196592, "vram_used": 1024},
        "clock_info": {"clk": 2100, "max_clk": 2100},
        "gpu_perf_level": "AMDSMI_DEV_PERF_LEVEL_AUTO",
        "temp_metric": 68,
        "gpu_metrics_info": {"indep_throttle_status": "N/A", "accumulation_counter": 5000,
                             "ppt_residency_acc": 40, "socket_thm_residency_acc": 3,
                             "hbm_thm_residency_acc": 0, "vr_thm_residency_acc": 0,
                             "prochot_residency_acc": 0},
        "gpu_process_list": [{"pid": 21}, {"pid": 22}],
        "gpu_asic_info": {"market_name": "AMD Instinct MI300X OAM"},
        "gpu_driver_info": {"driver_version": "6.12.12"},
        "gpu_vbios_info": {"version": "022.040.003.043"},
        "power_cap_info": {"power_cap": 750_000_000, "default_power_cap": 750_000_000},
    },
    W7900: {
        "power_info": {"current_socket_power": 0xFFFF, "average_socket_power": 241},
        "energy_count": {"power": 1_000_000, "counter_resolution": 15.3},
        "gpu_activity": {"gfx_activity": "N/A"},
        "gpu_metrics_info": {"indep_throttle_status": True},
    },
}  # fmt: skip


class SmiError(Exception):
    pass


class FakeSmi:
    """amdsmi on a machine with an MI300X and a W7900; what the table lacks is not supported."""

    AmdSmiException = SmiError
    AmdSmiClkType = SimpleNamespace(GFX=1, MEM=5)
    AmdSmiTemperatureType = SimpleNamespace(HOTSPOT=1)
    AmdSmiTemperatureMetric = SimpleNamespace(CURRENT=0)

    def __init__(self) -> None:
        self.open = False

    def __getattr__(self, name: str) -> object:
        def call(gpu: str, *_: object) -> object:
            told = TOLD[gpu].get(name.removeprefix("amdsmi_get_"))
            if told is None:
                raise SmiError("AMDSMI_STATUS_NOT_SUPPORTED")
            return told

        return call

    def amdsmi_init(self) -> None:
        self.open = True

    def amdsmi_shut_down(self) -> None:
        self.open = False

    def amdsmi_get_processor_handles(self) -> list[str]:
        return [MI300X, W7900]

    def amdsmi_get_gpu_device_bdf(self, gpu: str) -> str:
        return gpu


def target(pci: str | None) -> Target:
    return Target(backend=Backend.ROCM, pci=pci)


def test_an_accelerator_tells_everything_but_throttling_by_sample() -> None:
    (reader,) = find(target(MI300X), FakeSmi())

    assert {name: channel.read() for name, channel in reader.channels.items()} == {
        "energy_j": pytest.approx(30_600.0),
        "power_w": 702,
        "utilisation": 0.97,
        "memory_bytes": 2**30,
        "clock_hz": 2.1e9,
        "memory_clock_hz": 2.1e9,
        "temperature_c": 68,
    }
    assert "AMD SMI's throttle status" in reader.why_absent("throttle")
    assert reader.totals["thermal"].read() == 3
    assert reader.totals["reference"].read() == 5000


def test_identity_processes_and_limits_are_told() -> None:
    (reader,) = find(target(MI300X), FakeSmi())

    assert reader.name == "AMD Instinct MI300X OAM"
    assert reader.processes is not None
    assert reader.processes() == {21, 22}
    assert reader.facts == {
        "driver": "6.12.12", "firmware": "022.040.003.043",
        "power_limit_w": 750.0, "default_power_limit_w": 750.0,
        "set_clock_hz": 2.1e9, "performance_level": "auto",
    }  # fmt: skip
    assert reader.limits() == {
        "power_limit_w": 750.0, "set_clock_hz": 2.1e9, "performance_level": "auto",
    }  # fmt: skip


def test_a_clock_that_a_user_limited_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOLD[MI300X], "gpu_perf_level", "AMDSMI_DEV_PERF_LEVEL_DETERMINISM")
    monkeypatch.setitem(TOLD[MI300X], "clock_info", {"clk": 1500, "max_clk": 1500})
    (reader,) = find(target(MI300X), FakeSmi())

    assert reader.facts["clock_limit_hz"] == 1.5e9
    assert reader.facts["performance_level"] == "determinism"


def test_another_generation_fills_other_keys() -> None:
    (reader,) = find(target(W7900), FakeSmi())

    assert {name: channel.read() for name, channel in reader.channels.items()} == {
        "energy_j": pytest.approx(15.3), "power_w": 241, "throttle": 1,
    }  # fmt: skip
    assert "could not convert string to float: 'N/A'" in reader.why_absent("utilisation")
    assert "NOT_SUPPORTED" in reader.why_absent("temperature_c")


def test_no_other_gpu_is_read_for_an_unknown_address() -> None:
    (reader,) = find(target("0000:ff:00.0"), FakeSmi())

    assert reader.channels == {}
    assert reader.why_absent("energy_j") == "AMD SMI lists no GPU at 0000:ff:00.0"


def test_without_an_address_every_gpu_is_read() -> None:
    assert len(find(Target(backend=Backend.ROCM), FakeSmi())) == 2


def test_other_backends_have_no_amd_reader() -> None:
    assert find(Target(backend=Backend.CUDA), FakeSmi()) == []


def test_closing_gives_the_library_back() -> None:
    smi = FakeSmi()
    find(target(MI300X), smi)[0].close()

    assert not smi.open
