"""The GPU of Apple's chips."""

from dataclasses import dataclass

from nobs.backends.base import ContainerNeeds
from nobs.errors import BackendMissing, UsageError
from nobs.system.gpus import Accelerators

_REFUSAL = (
    "macOS runs containers in a Linux virtual machine, which has no access to Apple's GPU and Metal"
)


@dataclass(frozen=True)
class Mps:
    """Apple's GPU as a target."""

    name: str = "mps"
    torch_device: str = "mps"
    container_refusal: str | None = _REFUSAL
    passed_environment: tuple[str, ...] = (
        "PYTORCH_ENABLE_MPS_FALLBACK",
        "PYTORCH_MPS_HIGH_WATERMARK_RATIO",
        "PYTORCH_MPS_FAST_MATH",
    )

    def check_host(self, accelerators: Accelerators) -> None:
        """Raise BackendMissing unless this is a Mac with Apple's own chip."""
        if accelerators.apple is None:
            raise BackendMissing(
                "The backend mps needs a Mac with an Apple chip; this machine has no such GPU.",
                "Choose --backend auto, which takes what is here.",
            )

    def check_image(self, accelerators: Accelerators, archs: str) -> None:
        """Refuse every image: there is no container with Metal."""
        raise _no_container()

    def torch_index(self, accelerators: Accelerators) -> str:
        """Return the default index: its macOS wheels carry MPS."""
        del accelerators
        return "default"

    def container_needs(self, accelerators: Accelerators) -> ContainerNeeds:
        """Refuse: there is no container with Metal."""
        raise _no_container()


def _no_container() -> UsageError:
    return UsageError(
        f"The backend mps can't run in a container: {_REFUSAL}.", "Use --execution native."
    )


TARGET = Mps()
