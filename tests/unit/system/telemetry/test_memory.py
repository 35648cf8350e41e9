from pathlib import Path

import psutil

from nobs.schema.enums import Backend
from nobs.system.telemetry.memory import find
from nobs.system.telemetry.reader import Target


def test_the_machine_tells_its_memory_and_says_what_it_lacks() -> None:
    (reader,) = find(Target(backend=Backend.CPU))

    assert 2**20 < reader.channels["memory_bytes"].read() < 2**50
    counts = Path("/proc/vmstat")
    if counts.is_file() and "pswpin" in counts.read_text():
        assert reader.totals["swapped_bytes"].read() >= 0
    has_battery = bool(getattr(psutil, "sensors_battery", lambda: None)())
    assert ("battery" in reader.totals) == has_battery
    assert has_battery or reader.why_absent("battery").startswith("psutil")
