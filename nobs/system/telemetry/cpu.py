"""The processor: energy by RAPL, load by psutil, clocks and temperature by Linux's sysfs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import psutil

from nobs.schema.telemetry import DeviceKind
from nobs.system.telemetry.reader import Channel, Reader, Target, read_facts, try_channels

VENDOR = "cpu"
_POWERCAP = "sys/class/powercap"
_HWMON = "sys/class/hwmon"
_CPUS = "sys/devices/system/cpu"
_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")
_ERRORS = (OSError, ValueError)
# A sample of hundreds of threads is enough; each costs a system call.
_MOST_CLOCKS = 4


def find(target: Target, root: Path = Path("/")) -> list[Reader]:
    """Return the reader of all packages; `root` holds the kernel's files."""
    del target
    load = Channel(read=LoadSince().read, how="psutil: busy share of all hardware threads")
    live, absent = try_channels({"utilisation": load}, _ERRORS)
    try:
        packages = _packages(root)
        live["energy_j"] = Channel(read=lambda: sum(p.read_j() for p in packages), how="RAPL")
    except OSError as error:
        absent |= dict.fromkeys(("energy_j", "power_w"), why_no_rapl(error))
    found, missing = try_channels(_files(root), _ERRORS)
    thermal, silent = try_channels({"thermal": _package_throttle(root)}, _ERRORS)
    absent |= {"throttle": silent["thermal"]} if silent else {}
    return [
        Reader(
            vendor=VENDOR,
            name="processor",
            kind=DeviceKind.CPU,
            channels=live | found,
            totals=thermal,
            absent=absent | missing,
            facts=read_facts({"clock_limit_hz": lambda: _lowered_clock(root)}, _ERRORS),
            errors=_ERRORS,
        )
    ]


@dataclass
class RaplPackage:
    """A counter in microjoules that wraps at its range; `read_j` doesn't wrap."""

    file: Path
    range_uj: int
    last_uj: int
    total_uj: int = 0

    def read_j(self) -> float:
        """Return the joules since this object was made; read it at least once per wrap."""
        now = int(self.file.read_text())
        self.total_uj += (now - self.last_uj) % self.range_uj
        self.last_uj = now
        return self.total_uj / 1e6


def _packages(root: Path) -> list[RaplPackage]:
    """Open every package's counter; OSError if there is none or it may not be read."""
    zones = sorted((root / _POWERCAP).glob("intel-rapl:*"))
    packages = [zone for zone in zones if (zone / "name").read_text().startswith("package")]
    if not packages:
        raise FileNotFoundError(f"there is no RAPL package in /{_POWERCAP}")
    return [
        RaplPackage(
            file=zone / "energy_uj",
            range_uj=int((zone / "max_energy_range_uj").read_text()),
            last_uj=int((zone / "energy_uj").read_text()),
        )
        for zone in packages
    ]


def why_no_rapl(error: OSError) -> str:
    """Return why the counters can't be read."""
    if isinstance(error, PermissionError):
        return f"RAPL: only root may read {error.filename}"
    return f"RAPL: {error}"


class LoadSince:
    """Share of the machine's CPU time that was busy since the last reading."""

    def __init__(self) -> None:
        self._last = self._times()

    def read(self) -> float:
        """Return the share; 0 for an interval that is too short for the kernel's clock."""
        busy, whole = self._times()
        last_busy, last_whole = self._last
        self._last = busy, whole
        passed = whole - last_whole
        return min(1.0, max(0.0, (busy - last_busy) / passed)) if passed > 0 else 0.0

    def _times(self) -> tuple[float, float]:
        times = psutil.cpu_times()
        # Linux counts guests' time in user's time already.
        whole = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        return whole - times.idle - getattr(times, "iowait", 0.0), whole


def _files(root: Path) -> dict[str, Channel]:
    """Return the channels that are files of Linux's sysfs, scaled."""
    clocks = sorted((root / _CPUS).glob("cpu[0-9]*/cpufreq/scaling_cur_freq"))
    step = max(1, len(clocks) // _MOST_CLOCKS)
    sensors = [path.parent for path in (root / _HWMON).glob("hwmon*/name") if _is_cpu(path)]
    return {
        "clock_hz": Channel(
            read=_mean_of(clocks[::step][:_MOST_CLOCKS], 1e3),
            how=f"the kernel's clock of up to {_MOST_CLOCKS} hardware threads",
        ),
        "temperature_c": Channel(
            read=_mean_of([sensor / "temp1_input" for sensor in sensors], 1e-3),
            how="the kernel's package sensor",
        ),
    }


def _is_cpu(name: Path) -> bool:
    try:
        return name.read_text().strip() in _SENSORS
    except OSError:
        return False


def _mean_of(files: Iterable[Path], unit: float) -> Callable[[], float]:
    paths = tuple(files)

    def read() -> float:
        if not paths:
            raise FileNotFoundError("the kernel has no such file")
        return fmean(int(path.read_text()) for path in paths) * unit

    return read


def _lowered_clock(root: Path) -> float | None:
    """Return the highest clock that is allowed, if the processor supports a higher one."""
    allowed, supported = (
        int((root / _CPUS / "cpu0/cpufreq" / name).read_text()) * 1e3
        for name in ("scaling_max_freq", "cpuinfo_max_freq")
    )
    return allowed if allowed < supported else None


def _package_throttle(root: Path) -> Channel:
    """Return the seconds that the package was throttled for its temperature (Intel)."""
    file = root / _CPUS / "cpu0/thermal_throttle/package_throttle_total_time_ms"
    return Channel(read=_mean_of([file], 1e-3), how="the kernel's throttle counter")
