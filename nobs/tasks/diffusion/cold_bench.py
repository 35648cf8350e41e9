"""Cold starts: each repeat is a new process that makes a few images."""

from typing import Any

from nobs.tasks.base import Work
from nobs.tasks.cold.process import ProcessBench
from nobs.tasks.diffusion.params import DiffusionColdParams

TARGET = "nobs.tasks.diffusion.cold_work:MakeImages"


class ColdBench(ProcessBench):
    """Make images in a new process, which checks them."""

    def __init__(self, work: Work) -> None:
        params = work.params_of(DiffusionColdParams)
        super().__init__(work, TARGET, work.inputs, params.images - 1)

    def facts(self) -> dict[str, Any]:
        """Return all starts, and what the last process read back and checked."""
        return {**self.last, **super().facts()}
