"""macOS's powermetrics as a stream of values; it needs root."""

import contextlib
import re
import subprocess
import threading
from collections.abc import Iterable
from functools import partial
from typing import Self

from nobs.schema.telemetry import DeviceKind
from nobs.system.child import end
from nobs.system.telemetry.reader import Channel

ERRORS = (KeyError, OSError)
_COMMAND = ("powermetrics", "--samplers", "cpu_power,gpu_power", "-i", "100")
_FIRST_ANSWER_S = 3.0
_LINE = re.compile(r"(CPU Power|GPU Power|GPU HW active (?:frequency|residency)): +([0-9.]+)")
_UNITS = {
    "CPU Power": 1e-3,
    "GPU Power": 1e-3,
    "GPU HW active frequency": 1e6,
    "GPU HW active residency": 1e-2,
}
_CHANNELS = {
    DeviceKind.CPU: {"power_w": "CPU Power"},
    DeviceKind.GPU: {
        "power_w": "GPU Power",
        "utilisation": "GPU HW active residency",
        "clock_hz": "GPU HW active frequency",
    },
}


def parse_line(line: str) -> tuple[str, float] | None:
    """Return the name and the value in SI units; None for any other line."""
    found = _LINE.match(line)
    return (found[1], float(found[2]) * _UNITS[found[1]]) if found else None


class PowerMetrics:
    """The latest values of a running powermetrics."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.latest: dict[str, float] = {}
        self._process = process
        self._answered = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="powermetrics", daemon=True)

    @classmethod
    def start(cls) -> Self | None:
        """Start it and wait for its first sample; None if it doesn't answer."""
        try:
            process = subprocess.Popen(
                _COMMAND, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        except OSError:
            return None
        metrics = cls(process)
        metrics._thread.start()
        if metrics._answered.wait(_FIRST_ANSWER_S) and metrics.latest:
            return metrics
        metrics.close()
        return None

    def channels(self, kind: DeviceKind) -> dict[str, Channel]:
        """Return the channels of the GPU or the processor."""
        how = "powermetrics, whose values Apple calls estimates"
        return {
            name: Channel(read=partial(self.latest.__getitem__, key), how=how, estimated=True)
            for name, key in _CHANNELS[kind].items()
        }

    def close(self) -> None:
        """End it."""
        end(self._process, grace_s=2.0)
        self._thread.join(2.0)

    def _follow(self) -> None:
        with contextlib.suppress(ValueError):  # closed while it was read
            self._read(self._process.stdout or ())
        self._answered.set()

    def _read(self, lines: Iterable[str]) -> None:
        for line in lines:
            if found := parse_line(line):
                self.latest[found[0]] = found[1]
                # The GPU's power is the last of a sample's values.
                if found[0] == "GPU Power":
                    self._answered.set()
