"""The GPU of Macs with Apple silicon."""

from dataclasses import dataclass
from typing import Any

from nobs.backends.base import BackendTarget
from nobs.errors import BackendMissing
from nobs.system.gpus import Accelerators


@dataclass(frozen=True, kw_only=True)
class Mps(BackendTarget):
    """Apple's GPU as a target."""

    name: str = "mps"
    torch_device: str = "mps"
    container_refusal: str | None = (
        "macOS runs containers in a Linux virtual machine, which has no access to Apple's GPU and "
        "Metal"
    )
    passed_environment: tuple[str, ...] = (
        "PYTORCH_ENABLE_MPS_FALLBACK",
        "PYTORCH_MPS_HIGH_WATERMARK_RATIO",
        "PYTORCH_MPS_FAST_MATH",
    )

    def check_host(self, accelerators: Accelerators) -> None:
        """Raise BackendMissing unless this is a Mac with Apple's own chip."""
        if accelerators.apple is None:
            raise BackendMissing(
                "The backend mps needs a Mac with an Apple chip; this machine has none.",
                "Choose --backend auto.",
            )

    def is_built_into(self, torch: Any) -> bool:  # noqa: ANN401 - a module
        """Whether torch was built with MPS."""
        return bool(torch.backends.mps.is_built())

    def is_available(self, torch: Any) -> bool:  # noqa: ANN401 - a module
        """Whether this macOS has MPS."""
        return bool(torch.backends.mps.is_available())


TARGET = Mps()
