"""Any CPU."""

from dataclasses import dataclass

from nobs.backends.base import BackendTarget
from nobs.system.gpus import Accelerators


@dataclass(frozen=True, kw_only=True)
class Cpu(BackendTarget):
    """The CPU as a target."""

    name: str = "cpu"
    torch_device: str = "cpu"
    container_refusal: str | None = None
    passed_environment: tuple[str, ...] = (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "KMP_AFFINITY",
        # Chooses nothing here, but says in the report why a machine's GPU was left out.
        "CUDA_VISIBLE_DEVICES",
    )

    def torch_index(self, accelerators: Accelerators) -> str:
        """Return PyTorch's own CPU index: a tenth of the download of the default one."""
        return "cpu"


TARGET = Cpu()
