import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from nobs.schema.enums import Dtype
from nobs.tasks.calibration import SIZES, calibrate, flop_of_product, make_product

pytestmark = pytest.mark.heavy


def test_flops_of_a_product_are_those_that_torch_counts() -> None:
    product = make_product(64, "cpu", torch.float32)
    with FlopCounterMode(display=False) as counter:
        product()

    assert flop_of_product(64) == counter.get_total_flops()


def test_a_calibration_says_what_it_measured() -> None:
    found = calibrate("cpu", Dtype.FLOAT32)

    assert found.dtype is Dtype.FLOAT32
    assert found.matmul_size in SIZES
    assert found.matmul_flop_per_s > 1e8
    assert found.copy_bytes_per_s > 1e8
    assert not found.tf32


def test_a_copy_counts_as_read_and_written() -> None:
    found = calibrate("cpu", Dtype.FLOAT32, time_copies=lambda _device, size, _budget_s: size / 1e9)

    assert found.copy_bytes_per_s == pytest.approx(2e9)


@pytest.mark.parametrize(
    "dtype", [pytest.param(Dtype.FLOAT32, marks=pytest.mark.long), Dtype.BFLOAT16]
)
def test_a_later_calibration_is_of_the_same_size(dtype: Dtype) -> None:
    first = calibrate("cpu", dtype).model_copy(update={"matmul_size": 256, "copy_bytes": 1024**2})
    later = calibrate("cpu", dtype, first)

    assert (later.matmul_size, later.copy_bytes, later.dtype) == (256, 1024**2, dtype)
