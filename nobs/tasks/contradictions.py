"""Contradictions that the reports of all models on a device may have."""

from collections.abc import Iterator

from nobs.schema.enums import Dtype
from nobs.schema.report import ModelReport
from nobs.text import to_line


def check_device(model: ModelReport, parameter_device: str | None, dtype: Dtype) -> Iterator[str]:
    """Yield weights on another device than the checks, and calibrations in other settings."""
    places = {check.device.partition(":")[0] for check in model.checks}
    place = (parameter_device or "").partition(":")[0]
    if place and places and places != {place}:
        yield f"the weights were on {to_line(place)}, the checks on {to_line(', '.join(places))}"
    if any(calibration.dtype is not dtype for calibration in model.calibrations):
        yield f"a calibration has another dtype than {dtype}"
    if len({(c.tf32, c.matmul_size, c.copy_bytes) for c in model.calibrations}) > 1:
        yield "the calibrations have different sizes or settings"
