"""The environment of a step as its process sees it, and the check of the device."""

import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from nobs.backends import BACKENDS
from nobs.errors import BackendMissing, RequirementError
from nobs.providers import PROVIDERS
from nobs.schema.device import DeviceRef
from nobs.schema.enums import Backend
from nobs.schema.result import DeviceCheck
from nobs.schema.spec import RunSpec
from nobs.system.host import find_host_facts
from nobs.system.packages import find_version
from nobs.system.telemetry.reader import Target
from nobs.tasks import TASKS

LIBRARIES = ("nobs", "torch", "triton", "psutil", "nvidia-ml-py", "amdsmi", "zeus-apple-silicon")
"""Versions recorded with every task; tasks and providers add further ones."""
VARIABLES = (
    "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_LAUNCH_BLOCKING", "CUBLAS_WORKSPACE_CONFIG",
    "NVIDIA_VISIBLE_DEVICES", "NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "TORCH_BLAS_PREFER_CUBLASLT", "DISABLE_ADDMM_CUDA_LT", "PYTORCH_NO_CUDA_MEMORY_CACHING",
    "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HSA_OVERRIDE_GFX_VERSION", "MIOPEN_FIND_MODE",
    "TORCH_BLAS_PREFER_HIPBLASLT", "HIPBLASLT_ALLOW_TF32", "PYTORCH_TUNABLEOP_ENABLED",
    "TORCH_ROCM_AOTRITON_ENABLE_EXPERIMENTAL", "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF",
    "PYTORCH_HIP_ALLOC_CONF", "PYTORCH_ENABLE_MPS_FALLBACK", "PYTORCH_MPS_FAST_MATH",
    "PYTORCH_MPS_HIGH_WATERMARK_RATIO", "OMP_NUM_THREADS", "OMP_DYNAMIC", "OMP_WAIT_POLICY",
    "OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY", "KMP_BLOCKTIME",
    "MKL_NUM_THREADS", "MKL_DYNAMIC", "MKL_ENABLE_INSTRUCTIONS", "OPENBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS", "TOKENIZERS_PARALLELISM", "ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA",
    "ONEDNN_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "LD_PRELOAD", "HF_HUB_OFFLINE",
)  # fmt: skip
"""The recorded variables: they change the speed and hold no secret."""
CHECK_SIZE = 256
TOLERANCE = 1e-2


def read_environment(spec: RunSpec, *, with_torch: bool = True) -> dict[str, Any]:
    """Return versions, threads and settings that affect the speed, as JSON values."""
    environment = {
        "python": platform.python_version(),
        "os": platform.platform(),
        "machine": platform.machine(),
        "libraries": {name: found for name in _libraries_of(spec) if (found := find_version(name))},
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "host": asdict(find_host_facts()),
    }
    return environment | ({"torch": _read_torch()} if with_torch else {})


def _libraries_of(spec: RunSpec) -> Iterator[str]:
    yield from LIBRARIES
    for task in (TASKS.load(workload.task) for workload in spec.workloads):
        yield from (*task.packages, *task.libraries)
    if spec.server is not None and spec.server.provider in PROVIDERS:
        yield from PROVIDERS.load(spec.server.provider).packages


def check_device(backend: Backend, chosen: DeviceRef | None = None) -> DeviceCheck:
    """Multiply on the device and compare with the CPU; BackendMissing unless they agree.

    Also if it isn't the `chosen` one: a result must not be credited to another device.

    TF32 and reduced-precision kernels stay within the tolerance of 1 % of the largest value.
    """
    torch = _import_torch()
    _require_build(torch, backend)
    device = torch_device(backend)
    start = time.perf_counter()
    try:
        generator = torch.Generator().manual_seed(7)
        left, right = torch.randn(2, CHECK_SIZE, CHECK_SIZE, generator=generator)
        expected = left @ right
        product = left.to(device) @ right.to(device)
        where = str(product.device)
        error = float((product.cpu() - expected).abs().max() / expected.abs().max())
    except (RuntimeError, AssertionError, NotImplementedError) as failure:
        raise BackendMissing(
            f"A tensor operation on {device} failed: {str(failure).splitlines()[0]}.",
            "Run `nobs doctor`; the driver, the container runtime or the device is not usable.",
        ) from failure
    check = DeviceCheck(
        device=where,
        **BACKENDS.load(backend).describe_device(torch),
        passed=where.partition(":")[0] == device and error <= TOLERANCE,
        max_error=error,
        duration_s=time.perf_counter() - start,
    )
    if not check.passed:
        raise BackendMissing(
            f"The {backend} check computed on {where} with a relative error of {error:.2g}.",
            "The device computes wrongly; run `nobs doctor` and check it.",
        )
    if chosen and chosen.uuid and check.uuid and chosen.uuid.lower() != check.uuid.lower():
        raise BackendMissing(
            f"{chosen.name} is {chosen.uuid}, but torch computed on {check.uuid}.",
            "Compare with `nvidia-smi -L`, and check what hides or renumbers devices here.",
        )
    return check


def torch_device(backend: Backend) -> str:
    """Return torch's name of the device; ROCm's builds call theirs `cuda`."""
    return BACKENDS.load(backend).torch_device


def device_target(backend: Backend) -> Target:
    """Return the device whose sensors to read: the one that torch uses, or all of the backend."""
    torch = sys.modules.get("torch")
    if torch is None or torch_device(backend) != "cuda" or not torch.cuda.is_initialized():
        return Target(backend=backend)
    used = BACKENDS.load(backend).describe_device(torch)
    return Target(
        backend=backend, name=used["device_name"], uuid=used.get("uuid"), pci=used.get("pci")
    )


def _require_build(torch: Any, backend: Backend) -> None:  # noqa: ANN401 - a module
    target = BACKENDS.load(backend)
    if not target.is_built_into(torch):
        raise BackendMissing(
            f"torch {torch.__version__} was built without {backend}.",
            f"Build the image with `nobs build {backend}`, or install torch's {backend} build.",
        )
    if not target.is_available(torch):
        raise BackendMissing(
            f"torch {torch.__version__} finds no {backend} device here, so nothing was measured.",
            "Check the driver and, in a container, that the GPU was passed through "
            f"(`nobs doctor --backend {backend}`); use --backend cpu to measure the CPU.",
        )


def _import_torch() -> Any:  # noqa: ANN401 - a module
    try:
        import torch  # noqa: PLC0415 - the launcher's processes never come here
    except ImportError as error:
        raise RequirementError(
            f"torch can't be imported: {error}.", 'Install it with `pip install "nobs[bench]"`.'
        ) from error
    return torch


def _read_torch() -> dict[str, Any]:
    torch = _import_torch()
    facts: dict[str, Any] = {
        "cuda": torch.version.cuda,
        "hip": torch.version.hip,
        "cudnn": torch.backends.cudnn.version(),
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
        "tf32_cudnn": torch.backends.cudnn.allow_tf32,
        "attention_kernels": _attention_kernels(torch),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }
    if torch.cuda.is_available():
        facts["compute_capability"] = list(torch.cuda.get_device_capability())
        facts["device_count"] = torch.cuda.device_count()
    return facts


def _attention_kernels(torch: Any) -> list[str]:  # noqa: ANN401 - a module
    """Return the kernels that scaled dot-product attention may choose from."""
    switches = torch.backends.cuda
    kernels = {
        "flash": switches.flash_sdp_enabled,
        "memory-efficient": switches.mem_efficient_sdp_enabled,
        "cudnn": switches.cudnn_sdp_enabled,
        "math": switches.math_sdp_enabled,
    }
    return [name for name, is_allowed in kernels.items() if is_allowed()]
