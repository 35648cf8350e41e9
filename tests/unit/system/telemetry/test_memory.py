from nobs.schema.base import Backend
from nobs.system.telemetry.memory import find
from nobs.system.telemetry.reader import Target


def test_the_machine_tells_its_memory_and_says_what_it_lacks() -> None:
    (reader,) = find(Target(backend=Backend.CPU))

    assert 2**20 < reader.channels["memory_bytes"].read() < 2**50
    for name in ("swapped_bytes", "battery"):
        told = reader.totals[name].read() >= 0 if name in reader.totals else None
        assert told or reader.why_absent(name).startswith("psutil")
