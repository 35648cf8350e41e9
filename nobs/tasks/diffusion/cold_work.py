"""What the process of a cold start does: make images one by one."""

from dataclasses import replace
from typing import Any

from nobs.tasks.base import Work
from nobs.tasks.diffusion.bench import DiffusionBench
from nobs.tasks.diffusion.params import DiffusionColdParams, DiffusionParams


class MakeImages:
    """Makes the images of a workload in order."""

    def __init__(self, work: Work) -> None:
        params = work.params_of(DiffusionColdParams)
        warm = DiffusionParams.model_validate(params.model_dump(exclude={"kind"}))
        workload = work.workload.model_copy(update={"params": warm})
        self._bench = DiffusionBench(replace(work, workload=workload))

    def load(self) -> None:
        """Load the pipeline, and draw the latents of all images."""
        self._bench.load()
        self._bench.synchronize()

    def compute(self) -> None:
        """Make the next image."""
        self._bench.make_next()

    def facts(self) -> dict[str, Any]:
        """Return facts read back; raises if the pictures are wrong."""
        # The pictures go there, and the step has written nothing yet.
        self._bench.work.directory.mkdir(parents=True, exist_ok=True)
        return self._bench.facts()
