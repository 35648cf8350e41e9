"""Compute MFU and MBU from FLOPs, times and calibrations."""

from collections.abc import Mapping
from typing import Any

from nobs.catalog.devices import find_data_sheet
from nobs.schema.result import Calibration, StepResult


def describe_utilisation(result: StepResult, median_s: float) -> dict[str, Any] | None:
    """Return the fields of `Utilisation`; None if the FLOPs of the model are unknown."""
    work = result.facts.get("work")
    if not work:
        return None
    return {
        "model_flop_per_s": work["model_flop"] / median_s,
        "padded_flop_per_s": work["padded_flop"] / median_s,
        "weights_bytes_per_s": work["weights_bytes"] / median_s,
        **_shares(work, median_s, result.calibrations),
        **_sheet(result, work["model_flop"] / median_s),
    }


def _shares(
    work: Mapping[str, Any], median_s: float, calibrations: tuple[Calibration, ...]
) -> dict[str, float | None]:
    if not calibrations:
        return {}
    products = [calibration.matmul_flop_per_s for calibration in calibrations]
    copies = [calibration.copy_bytes_per_s for calibration in calibrations]
    is_limit = work["padded_flop"] / median_s <= max(products)
    return {
        "matmul_flop_per_s": max(products),
        "matmul_loss": _loss(products),
        "mfu": work["model_flop"] / median_s / max(products) if is_limit else None,
        "mfu_padded": (work["padded_flop"] / median_s / max(products) if is_limit else None),
        "copy_bytes_per_s": max(copies),
        "copy_loss": _loss(copies),
        "mbu_min": work["weights_bytes"] / median_s / max(copies),
    }


def _loss(rates: list[float]) -> float:
    return 1 - rates[-1] / rates[0]


def _sheet(result: StepResult, flop_per_s: float) -> dict[str, Any]:
    """Return the vendor's peak for the dtype that was used, if the catalogue has it."""
    if not result.checks or not result.calibrations:
        return {}
    check = result.checks[0]
    sheet = find_data_sheet(check.device_name, check.multiprocessors)
    if sheet is None:
        return {}
    used = result.calibrations[0]
    peak = sheet.peak("tf32" if used.tf32 else used.dtype)
    if peak is None:
        return {}
    return {
        "data_sheet": sheet.source,
        "data_sheet_flop_per_s": peak,
        "mfu_data_sheet": flop_per_s / peak,
    }
