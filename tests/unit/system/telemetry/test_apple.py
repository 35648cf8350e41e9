import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from nobs.schema.enums import Backend
from nobs.schema.telemetry import DeviceKind
from nobs.system.telemetry.apple import find
from nobs.system.telemetry.powermetrics import PowerMetrics, parse_line
from nobs.system.telemetry.reader import Target

# As powermetrics of macOS 15 prints a sample on an Apple chip.
SAMPLE = """
*** Sampled system activity (Sun Oct 19 02:03:52 2025 +0200) (102.13ms elapsed) ***

**** Processor usage ****

E-Cluster Online: 100%
E-Cluster HW active frequency: 1329 MHz
CPU 0 frequency: 1395 MHz
CPU Power: 1863 mW
GPU Power: 30120 mW
ANE Power: 0 mW
Combined Power (CPU + GPU + ANE): 31983 mW

**** GPU usage ****

GPU HW active frequency: 1398 MHz
GPU HW active residency:  97.31% (338 MHz: .01% 618 MHz: .02%)
GPU SW requested state: (P1 :   0% P2 : 100%)
GPU idle residency:   2.69%
GPU Power: 30120 mW
"""


class FakeMonitor:
    """zeus-apple-silicon's monitor; millijoules since it was made."""

    def __init__(self, gpu_mj: int | None) -> None:
        self.energy = SimpleNamespace(cpu_total_mj=4200, gpu_mj=gpu_mj, gpu_sram_mj=None)

    def get_cumulative_energy(self) -> SimpleNamespace:
        return self.energy


def test_gpu_and_processor_count_energy_that_apple_estimates() -> None:
    gpu, cpu = find(Target(backend=Backend.MPS), FakeMonitor(gpu_mj=36_500))

    assert (gpu.channels["energy_j"].read(), cpu.channels["energy_j"].read()) == (36.5, 4.2)
    assert gpu.channels["energy_j"].estimated
    assert (gpu.kind, cpu.kind) == (DeviceKind.GPU, DeviceKind.CPU)


def test_a_run_on_the_cpu_reads_the_processor_alone() -> None:
    (cpu,) = find(Target(backend=Backend.CPU), FakeMonitor(gpu_mj=1))

    assert cpu.kind is DeviceKind.CPU


def test_a_chip_that_counts_no_gpu_energy_says_so() -> None:
    gpu, _ = find(Target(backend=Backend.MPS), FakeMonitor(gpu_mj=None))

    assert "IOReport" in gpu.why_absent("energy_j")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("CPU Power: 1863 mW", ("CPU Power", 1.863)),
        ("GPU Power: 30120 mW", ("GPU Power", 30.12)),
        ("GPU HW active frequency: 1398 MHz", ("GPU HW active frequency", 1.398e9)),
        (
            "GPU HW active residency:  97.31% (338",
            ("GPU HW active residency", pytest.approx(0.9731)),
        ),
        ("Combined Power (CPU + GPU + ANE): 31983 mW", None),
        ("E-Cluster HW active frequency: 1329 MHz", None),
    ],
)
def test_lines_of_powermetrics(line: str, told: object) -> None:
    assert parse_line(line) == told


def install(directory: Path, script: str) -> str:
    """Put a program named powermetrics first on the path; return that path."""
    program = directory / "powermetrics"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"


def test_powermetrics_is_followed_until_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sample").write_text(SAMPLE)
    script = f"trap 'exit 0' TERM; cat {tmp_path}/sample; while :; do sleep 0.1; done"
    monkeypatch.setenv("PATH", install(tmp_path, script))
    metrics = PowerMetrics.start()
    assert metrics is not None
    gpu, cpu = (metrics.channels(kind) for kind in (DeviceKind.GPU, DeviceKind.CPU))
    told = {name: channel.read() for name, channel in gpu.items()}
    metrics.close()

    assert told == {"power_w": 30.12, "utilisation": pytest.approx(0.9731), "clock_hz": 1.398e9}
    assert cpu["power_w"].read() == pytest.approx(1.863)


@pytest.mark.parametrize(
    "script", ["exit 1", "echo 'powermetrics must be invoked as the superuser'"]
)
def test_powermetrics_that_refuses_is_none(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", install(tmp_path, script))

    assert PowerMetrics.start() is None
