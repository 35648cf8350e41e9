import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nobs.schema.enums import Backend
from nobs.system.telemetry.cpu import LoadSince, RaplPackage, find, why_no_rapl
from nobs.system.telemetry.reader import Reader, Target

RANGE_UJ = 262_143_328_850


def write(root: Path, path: str, text: str) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def rapl(root: Path, zone: str, name: str, energy_uj: int) -> Path:
    """Write a RAPL zone as the kernel shows it; return its counter."""
    write(root, f"sys/class/powercap/{zone}/name", f"{name}\n")
    write(root, f"sys/class/powercap/{zone}/max_energy_range_uj", f"{RANGE_UJ}\n")
    return write(root, f"sys/class/powercap/{zone}/energy_uj", f"{energy_uj}\n")


def read(root: Path) -> Reader:
    (reader,) = find(Target(backend=Backend.CPU), root)
    return reader


def test_energy_is_that_of_all_packages_and_of_nothing_inside_them(tmp_path: Path) -> None:
    packages = [rapl(tmp_path, f"intel-rapl:{n}", f"package-{n}", 5_000_000) for n in (0, 1)]
    inside = rapl(tmp_path, "intel-rapl:0:0", "core", 1_000_000)
    energy = read(tmp_path).channels["energy_j"]
    for file in (*packages, inside):
        file.write_text("8000000\n")

    assert energy.read() == 6.0


def test_a_counter_that_starts_again_goes_on(tmp_path: Path) -> None:
    file = rapl(tmp_path, "intel-rapl:0", "package-0", RANGE_UJ - 2_000_000)
    package = RaplPackage(file=file, range_uj=RANGE_UJ, last_uj=RANGE_UJ - 2_000_000)
    told = []
    for energy_uj in (RANGE_UJ - 1_000_000, 1_500_000, 4_000_000):
        file.write_text(str(energy_uj))
        told.append(package.read_j())

    assert told == [1.0, 3.5, 6.0]


@pytest.mark.parametrize(("allowed", "limit"), [("2100000", 2.1e9), ("3800000", None)])
def test_a_clock_below_the_highest_that_is_supported_is_a_limit(
    tmp_path: Path, allowed: str, limit: float | None
) -> None:
    for name, text in {"scaling_max_freq": allowed, "cpuinfo_max_freq": "3800000"}.items():
        write(tmp_path, f"sys/devices/system/cpu/cpu0/cpufreq/{name}", f"{text}\n")

    assert read(tmp_path).facts.get("clock_limit_hz") == limit


def test_a_machine_without_rapl_says_so(tmp_path: Path) -> None:
    reader = read(tmp_path)

    assert "energy_j" not in reader.channels
    assert "no RAPL package in /sys/class/powercap" in reader.why_absent("power_w")


def test_a_machine_that_counts_no_throttling_says_so(tmp_path: Path) -> None:
    why = read(tmp_path).why_absent("throttle")

    assert why.startswith("the kernel's throttle counter: ")
    assert "package_throttle_total_time_ms" in why


def test_forbidden_counters_name_the_file() -> None:
    error = PermissionError(13, "Permission denied", "/sys/class/powercap/intel-rapl:0/energy_uj")

    assert why_no_rapl(error) == (
        "RAPL: only root may read /sys/class/powercap/intel-rapl:0/energy_uj"
    )


def test_clock_temperature_and_throttling_are_files_of_the_kernel(tmp_path: Path) -> None:
    for number, khz in enumerate((2_000_000, 3_000_000)):
        write(tmp_path, f"sys/devices/system/cpu/cpu{number}/cpufreq/scaling_cur_freq", f"{khz}\n")
    write(tmp_path, "sys/class/hwmon/hwmon0/name", "nvme\n")
    write(tmp_path, "sys/class/hwmon/hwmon1/name", "k10temp\n")
    write(tmp_path, "sys/class/hwmon/hwmon1/temp1_input", "68125\n")
    counter = "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_total_time_ms"
    write(tmp_path, counter, "1500\n")
    reader = read(tmp_path)

    assert reader.channels["clock_hz"].read() == 2.5e9
    assert reader.channels["temperature_c"].read() == pytest.approx(68.125)
    assert reader.totals["thermal"].read() == pytest.approx(1.5)


def test_a_busy_process_is_load() -> None:
    load, start = LoadSince(), time.perf_counter()
    burn = "import time\nwhile time.process_time() < 0.5: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    share = load.read()
    used_s = share * (time.perf_counter() - start) * (os.cpu_count() or 1)

    assert used_s > 0.4
    assert share <= 1.0
