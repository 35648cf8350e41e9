from datetime import UTC, datetime
from typing import Any

import pytest

from nobs.schema.enums import Dtype, Status
from nobs.schema.result import Calibration, DeviceCheck, StepResult
from nobs.tasks.text_embeddings.shares import describe_utilisation

NOW = datetime(2026, 1, 2, tzinfo=UTC)
WORK = {
    "flop_method": "formula of BERT",
    "model_flop": 6e12,
    "padded_flop": 8e12,
    "weights_bytes": 4e9,
}


def calibration(flop_per_s: float, *, tf32: bool = False) -> Calibration:
    return Calibration(
        dtype=Dtype.FLOAT32, tf32=tf32, matmul_size=4096, matmul_flop_per_s=flop_per_s,
        copy_bytes=1, copy_bytes_per_s=flop_per_s / 500, duration_s=0.3,
    )  # fmt: skip


def result(
    *calibrations: Calibration, device: str = "cpu", work: dict[str, Any] | None = WORK
) -> StepResult:
    check = DeviceCheck(
        device="cuda:0", device_name=device, passed=True, max_error=0.0, duration_s=0.1
    )
    return StepResult(
        step="a", task="embeddings", model="a/b", status=Status.OK, started=NOW, finished=NOW,
        checks=(check,), calibrations=calibrations, facts={"work": work},
    )  # fmt: skip


def describe(*calibrations: Calibration, device: str = "cpu") -> dict[str, Any]:
    found = describe_utilisation(result(*calibrations, device=device), 2.0)
    assert found is not None
    return found


def test_rates_are_over_the_median_time() -> None:
    found = describe()

    assert (found["model_flop_per_s"], found["padded_flop_per_s"]) == (3e12, 4e12)


def test_shares_are_of_the_faster_calibration_and_its_loss_is_told() -> None:
    found = describe(calibration(10e12), calibration(8e12))

    assert found["mfu"] == pytest.approx(0.3)
    assert found["mfu_padded"] == pytest.approx(0.4)
    assert found["matmul_loss"] == pytest.approx(0.2)
    assert found["mbu_min"] == pytest.approx(0.1)


def test_without_a_calibration_there_is_no_share() -> None:
    assert "mfu" not in describe()


def test_a_product_slower_than_the_model_is_no_limit() -> None:
    found = describe(calibration(1e12), calibration(3.5e12))

    assert found["matmul_flop_per_s"] == 3.5e12
    assert found["mfu"] is None
    assert found["mfu_padded"] is None


@pytest.mark.parametrize(("tf32", "peak"), [(True, 156e12), (False, 19.5e12)])
def test_the_data_sheet_is_that_of_the_arithmetic_in_use(tf32: bool, peak: float) -> None:
    found = describe(calibration(10e12, tf32=tf32), device="NVIDIA A100-SXM4-80GB")

    assert found["data_sheet_flop_per_s"] == peak
    assert found["mfu_data_sheet"] == pytest.approx(3e12 / peak)


def test_an_unknown_device_has_no_share_of_a_data_sheet() -> None:
    assert "mfu_data_sheet" not in describe(calibration(10e12))


def test_a_model_of_unknown_cost_has_no_arithmetic() -> None:
    assert describe_utilisation(result(work=None), 2.0) is None
