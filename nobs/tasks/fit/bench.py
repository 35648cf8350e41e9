"""What every measurement of growing memory does around its growths."""

from nobs.errors import DataError
from nobs.schema.pins import ModelPin
from nobs.system.host import free_memory
from nobs.tasks.base import Bench, Work
from nobs.tasks.fit.report import DEVICE_MEMORY, HOST_MEMORY, Estimate, Fit, Growth


class GrowthBench(Bench):
    """Grows once per repeat, in new processes; `run` and `facts` are the task's.

    There is no warm-up: the first process has no advantage over later ones in memory.
    """

    def __init__(self, work: Work, device: str, memory_share: float) -> None:
        """Take torch's `device` whose memory counts, and the share of free memory to use."""
        self.work = work
        self._device = device
        self._memory_share = memory_share
        self._growths: list[Growth] = []
        self._host_limit = self._limit = 0

    def load(self) -> None:
        """Decide how much memory the processes may take."""
        self._host_limit = self._limit = self._host_allowed()
        if self._device == "cuda":
            # Imported here: on CPUs this process needs no torch.
            import torch  # noqa: PLC0415

            self._limit = int(torch.cuda.mem_get_info()[0])

    def keep(self, repeats: int) -> None:
        """Drop the growth of an interrupted repeat."""
        del self._growths[repeats:]

    def _host_allowed(self) -> int:
        return round(self._memory_share * free_memory())

    def _fit(self, counted: tuple[str, int], estimate: Estimate) -> Fit:
        """Return all growths; `counted` is what their sizes are, and how many the slope is for."""
        return Fit.of(
            self._growths, counted=counted, limit_bytes=self._limit, estimate=estimate,
            place=HOST_MEMORY if self._device == "cpu" else DEVICE_MEMORY,
        )  # fmt: skip


def refuse_random(model: ModelPin) -> None:
    """Raise DataError for random weights, which need other memory while they are made."""
    if model.random:
        raise DataError(
            f"{model.id} has random weights, which need other memory while they are made.",
            "Leave --weights random out, or choose another profile.",
        )
