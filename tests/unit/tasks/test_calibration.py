import pytest

from nobs.schema.base import Dtype
from nobs.tasks.calibration import SIZES, calibrate


def test_a_calibration_says_what_it_measured() -> None:
    found = calibrate("cpu", Dtype.FLOAT32)

    assert found.dtype is Dtype.FLOAT32
    assert found.matmul_size in SIZES
    assert found.matmul_flop_per_s > 1e8
    assert found.copy_bytes_per_s > 1e8
    assert not found.tf32


@pytest.mark.parametrize("dtype", [Dtype.FLOAT32, Dtype.BFLOAT16])
def test_a_later_calibration_is_of_the_same_size(dtype: Dtype) -> None:
    first = calibrate("cpu", dtype).model_copy(update={"matmul_size": 256, "copy_bytes": 1024**2})
    later = calibrate("cpu", dtype, first)

    assert (later.matmul_size, later.copy_bytes, later.dtype) == (256, 1024**2, dtype)
