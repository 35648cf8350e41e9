"""What torch makes of the device, as JSON: its build, a matrix product, the rate of large ones.

A process of its own: a driver can hang, and libraries of CUDA can end the process.
"""

import json
import sys
from typing import Any

import torch

from nobs.backends import BACKENDS
from nobs.errors import NobsError
from nobs.runner.environment import check_device, torch_device
from nobs.schema.enums import Backend, Dtype
from nobs.system.accelerators import find_accelerators
from nobs.system.gpus import Accelerators, NvidiaGpu
from nobs.tasks.calibration import calibrate

TRIES = 5
"""Short measurements of the rate: one alone can fall into a moment of other work."""


def main() -> int:
    """Print the findings; return 1 where the device can't be used."""
    backend = Backend(sys.argv[1])
    found: dict[str, Any] = {
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda,
        "hip": torch.version.hip,
        "architectures": _architectures(),
    }
    accelerators = find_accelerators()
    try:
        found["check"] = check_device(backend).model_dump(mode="json")
        rates = [calibrate(torch_device(backend), Dtype.FLOAT32) for _ in range(TRIES)]
        found["matmul_flop_per_s"] = max(rate.matmul_flop_per_s for rate in rates)
    except NobsError as error:
        message, remedy = explain(backend, found, accelerators) or (error.message, error.remedy)
        found |= {"error": message, "remedy": remedy}
    print(json.dumps(found))
    return 1 if "error" in found else 0


def explain(
    backend: Backend, found: dict[str, Any], accelerators: Accelerators
) -> tuple[str, str] | None:
    """Return why this build of torch can't use the GPU, and the remedy; None if that isn't it."""
    target, gpu = BACKENDS.load(backend), accelerators.primary(backend)
    try:
        index = target.torch_index(accelerators)
        target.check_image(accelerators, " ".join(found["architectures"]))
    except NobsError as error:
        return error.message, error.remedy
    cuda = found["cuda"] or "0"
    is_newer = index.startswith("cu") and int(cuda.partition(".")[0]) > int(index[2:4])
    if not isinstance(gpu, NvidiaGpu) or not is_newer:
        return None
    message = (
        f"torch {found['torch']} is built for CUDA {cuda}; {gpu.name} with driver "
        f"{gpu.driver_version} needs the build {index}."
    )
    return message, f"Update the driver, or install torch from PyTorch's index {index}."


def _architectures() -> list[str]:
    flags = getattr(torch._C, "_cuda_getArchFlags", None)  # noqa: SLF001 - needs no GPU
    return str(flags() or "").split() if flags else []


if __name__ == "__main__":
    sys.exit(main())
