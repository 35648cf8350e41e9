"""Any CPU: needs nothing, works everywhere."""

from dataclasses import dataclass

from nobs.backends.base import ContainerNeeds
from nobs.system.gpus import Accelerators


@dataclass(frozen=True)
class Cpu:
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

    def check_host(self, accelerators: Accelerators) -> None:
        """Accept every machine."""

    def check_image(self, accelerators: Accelerators, archs: str) -> None:
        """Accept every build of torch: each carries CPU kernels."""

    def torch_index(self, accelerators: Accelerators) -> str:
        """Return PyTorch's own CPU index: a tenth of the download of the default one."""
        return "cpu"

    def container_needs(self, accelerators: Accelerators) -> ContainerNeeds:
        """Return that a CPU run needs nothing."""
        return ContainerNeeds()


TARGET = Cpu()
