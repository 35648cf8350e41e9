"""The reader through the real pynvml, over a driver library of our own."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.fakes.driver import build_nvml

pytest.importorskip("pynvml")
CODE = """
import json
from nobs.schema.enums import Backend
from nobs.system.telemetry.nvidia import find
from nobs.system.telemetry.reader import Target
(reader,) = find(Target(backend=Backend.CUDA, uuid="GPU-8f3c"))
print(json.dumps({
    "name": reader.name,
    "channels": {name: channel.read() for name, channel in reader.channels.items()},
    "totals": {name: channel.read() for name, channel in reader.totals.items()},
    "processes": sorted(reader.processes()),
    "facts": reader.facts,
}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    library = build_nvml(tmp_path_factory.mktemp("driver"))
    done = subprocess.run(
        [sys.executable, "-c", CODE], env={**os.environ, **library},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def test_values_come_through_in_si_units(told: dict[str, Any]) -> None:
    assert told["name"] == "NVIDIA Fake"
    assert told["channels"] == {
        "energy_j": 9e6, "power_w": 345.678, "utilisation": 0.98, "memory_bytes": float(1 << 33),
        "clock_hz": 1.755e9, "memory_clock_hz": 2.619e9, "temperature_c": 61.0, "throttle": 0x44,
        "pcie_width": 8.0,
    }  # fmt: skip


def test_counters_processes_and_limits_come_through(told: dict[str, Any]) -> None:
    assert told["totals"] == {"thermal": 1.5}
    assert told["processes"] == [11, 12]
    assert told["facts"] == {
        "driver": "580.65.06", "power_limit_w": 450.0, "default_power_limit_w": 700.0,
        "max_pcie_width": 16,
    }  # fmt: skip
