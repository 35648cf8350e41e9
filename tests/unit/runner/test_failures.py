"""What becomes of an error that ends a step."""

import pytest
import torch

from nobs.errors import FailureClass, ModelMissing
from nobs.runner.failures import describe

pytestmark = pytest.mark.heavy

MORE_THAN_ANY_MACHINE_HAS = 10**15


def test_the_host_without_memory_is_told_from_a_broken_benchmark() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(MORE_THAN_ANY_MACHINE_HAS)
    failure = describe(caught.value)

    assert failure.failure_class is FailureClass.OOM
    assert "smaller batch" in failure.remedy


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), FailureClass.OOM),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), FailureClass.OOM),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), FailureClass.OOM),
        (RuntimeError("Invalid buffer size: 19.45 GiB"), FailureClass.OOM),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), FailureClass.OOM),
        (RuntimeError("CUDA error: an illegal memory access was encountered"),
         FailureClass.BENCHMARK),
        (ZeroDivisionError(), FailureClass.BENCHMARK),
        (ModelMissing("None.", "Fetch it."), FailureClass.REQUIREMENT),
    ],
)  # fmt: skip
def test_errors_have_the_class_of_their_cause(error: Exception, expected: FailureClass) -> None:
    failure = describe(error)

    assert failure.failure_class is expected
    assert failure.message
