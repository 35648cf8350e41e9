"""Stop the build of an image whose torch does not serve the backend; else print its facts as JSON.

Usage: check_torch.py BACKEND TORCH_INDEX. No GPU is needed: torch tells what it was built for.
"""

import json
import platform
import sys
from typing import Any

import torch

TORCH_INDEX = {"cpu": "cpu", "cuda": "default", "rocm": "rocm7.2"}


def arch_list(backend: str) -> list[str]:
    """Return the GPU architectures that torch has code for; for a CPU image, that of the CPU."""
    if backend == "cpu":
        return [platform.machine()]
    return sorted(set((torch._C._cuda_getArchFlags() or "").split()))  # noqa: SLF001 - public: only with a GPU


def missing(backend: str) -> str | None:
    """Return what is missing in torch for the backend, or None."""
    if backend == "cuda" and not torch.version.cuda:
        return "CUDA"
    if backend == "rocm" and not torch.version.hip:
        return "ROCm (HIP)"
    if torch.ones(8, 8).matmul(torch.ones(8, 8)).sum().item() != 512.0:
        return "a working CPU matrix product"
    return None


def describe() -> str:
    """Describe the build of torch."""
    if torch.version.hip:
        return f"torch {torch.__version__} built for ROCm {torch.version.hip}"
    if torch.version.cuda:
        return f"torch {torch.__version__} built for CUDA {torch.version.cuda}"
    return f"torch {torch.__version__} built for the CPU"


def facts(backend: str, torch_index: str) -> dict[str, Any]:
    """Collect the facts about torch for the labels of the image and for reports."""
    return {
        "backend": backend,
        "torch_index": torch_index,
        "torch_version": torch.__version__,
        "cuda_version": torch.version.cuda,
        "hip_version": torch.version.hip,
        "arch_list": arch_list(backend),
        "python_version": platform.python_version(),
    }


def main(backend: str, torch_index: str) -> None:
    """Check torch and print its facts."""
    if backend not in TORCH_INDEX:
        sys.exit(f"check_torch: unknown backend {backend!r}; known: {', '.join(TORCH_INDEX)}")
    if lack := missing(backend):
        sys.exit(
            f"check_torch: the {backend} image needs a torch with {lack}, but "
            f"TORCH_INDEX={torch_index} gave {describe()}. Build with "
            f"--build-arg TORCH_INDEX={TORCH_INDEX[backend]}, or name an index that carries "
            f"{backend} builds of torch."
        )
    sys.stdout.write(json.dumps(facts(backend, torch_index), indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
