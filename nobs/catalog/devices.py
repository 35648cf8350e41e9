"""Peaks that makers of devices publish."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, kw_only=True)
class DataSheet:
    """Dense matrix products of one device, FLOP/s; None where the sheet says nothing."""

    names: str
    """Regular expression for the whole name that the driver gives."""
    source: str
    float16: float | None = None
    bfloat16: float | None = None
    tf32: float | None = None
    float32: float | None = None

    def peak(self, arithmetic: str) -> float | None:
        """Return FLOP/s in a number format, or in `tf32`."""
        peaks = {
            "float16": self.float16,
            "bfloat16": self.bfloat16,
            "tf32": self.tf32,
            "float32": self.float32,
        }
        return peaks[arithmetic]


def find_data_sheet(device_name: str) -> DataSheet | None:
    """Return the sheet of a device by the name that its driver gives; None where none is known."""
    sheets = load_data_sheets().values()
    return next((sheet for sheet in sheets if re.fullmatch(sheet.names, device_name)), None)


@cache
def load_data_sheets() -> dict[str, DataSheet]:
    """Read the sheets that travel with NOBS."""
    text = files("nobs.catalog").joinpath("devices.toml").read_text(encoding="utf-8")
    return {name: DataSheet(**table) for name, table in tomllib.loads(text).items()}
