"""Sensors of the stand-in."""

from nobs.schema.telemetry import DeviceKind
from nobs.system.telemetry.reader import Channel, Reader, Target


def find(target: Target) -> list[Reader]:
    """Return the reader of the device, none for other hardware."""
    if target.backend != "npu":
        return []
    power = Channel(read=lambda: 5.0, how="a constant", estimated=True)
    return [
        Reader(
            vendor="example",
            name="A stand-in NPU",
            kind=DeviceKind.GPU,
            channels={"power_w": power},
        )
    ]
