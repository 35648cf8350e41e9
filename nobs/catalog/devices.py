"""Peaks from the data sheets of devices."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, kw_only=True)
class DataSheet:
    """Peak FLOP/s of dense matrix products of one device; None if not in the data sheet."""

    names: str
    """Regular expression for the driver's whole device name."""
    source: str
    multiprocessors: int
    """Of the whole device: a slice of it has fewer."""
    float16: float | None = None
    bfloat16: float | None = None
    tf32: float | None = None
    float32: float | None = None

    def peak(self, number_format: str) -> float | None:
        """Return peak FLOP/s for a dtype or `tf32`."""
        peak: float | None = getattr(self, number_format)
        return peak


_MIG = re.compile(r" MIG [0-9]")
_VGPU = re.compile(r"-[0-9]+[ABCQ](ME)?[0-9]*$")
"""Profile at the end of a virtual GPU's name, as in `GRID A100-10C` or `NVIDIA A40-8Q`."""


def is_mig_instance(device_name: str) -> bool:
    """Return whether the device is a MIG instance, as in `... MIG 3g.40gb`."""
    return _MIG.search(device_name) is not None


def is_slice(device_name: str) -> bool:
    """Return whether the device is a MIG instance or a virtual GPU."""
    return is_mig_instance(device_name) or _VGPU.search(device_name) is not None


def find_data_sheet(device_name: str, multiprocessors: int | None = None) -> DataSheet | None:
    """Return the data sheet for a driver's device name; None if there is none.

    Slices, recognised by name or by fewer `multiprocessors`, have none.
    """
    if is_slice(device_name):
        return None
    sheets = load_data_sheets().values()
    sheet = next((sheet for sheet in sheets if re.fullmatch(sheet.names, device_name)), None)
    whole = sheet is None or multiprocessors is None or multiprocessors >= sheet.multiprocessors
    return sheet if whole else None


@cache
def load_data_sheets() -> dict[str, DataSheet]:
    """Read the data sheets included in NOBS."""
    text = files("nobs.catalog").joinpath("devices.toml").read_text(encoding="utf-8")
    return {name: DataSheet(**table) for name, table in tomllib.loads(text).items()}
