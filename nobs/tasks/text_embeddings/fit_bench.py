"""Does it fit: each repeat is a new process that encodes batches of doubled size until it stops."""

import sys
from typing import Any

from nobs.tasks.base import Work
from nobs.tasks.fit.bench import GrowthBench, refuse_random
from nobs.tasks.fit.process import grow
from nobs.tasks.fit.report import Estimate
from nobs.tasks.text_embeddings.params import EmbeddingsFitParams
from nobs.tasks.text_embeddings.reference import facts_of_process

COMMAND = (sys.executable, "-m", "nobs.tasks.text_embeddings.fit_child")
TEXTS = 20
"""Texts that the long row is made of."""
PATIENCE = 3
"""A process that takes longer than its budget times this is ended."""
FORMULA = "2 x (hidden + intermediate) x tokens x bytes per number"


class FitBench(GrowthBench):
    """Grow in a new process for each repeat."""

    def __init__(self, work: Work) -> None:
        self.params = work.params_of(EmbeddingsFitParams)
        refuse_random(work.model)
        super().__init__(work, work.torch_device, self.params.memory_share)
        self._last: dict[str, Any] = {}

    def run(self) -> int:
        """Grow once; return 1."""
        order = {
            "workload": self.work.workload.model_dump(mode="json"),
            "model": self.work.model.model_dump(mode="json"),
            "path": str(self.work.model_path),
            "device": self.work.torch_device,
            "text": self.work.inputs[0],
            "texts": self.work.inputs[:TEXTS],
            "sizes": self.params.batch_sizes,
            # A GPU may run out of memory; the machine may not begin to swap.
            "limit_bytes": sys.maxsize if self.work.torch_device == "cuda" else self._limit,
        }
        limit_s = PATIENCE * self.params.budget_s
        growth, self._last = grow(COMMAND, order, self._host_limit, limit_s)
        self._growths.append(growth)
        return 1

    def facts(self) -> dict[str, Any]:
        """Return all growths and what the last process read back; raises if output is wrong."""
        return {
            **facts_of_process(self.work, self._last, self.params.max_seq_length, "result"),
            "fit": self._fit(("rows", 1), self._estimate()).model_dump(mode="json"),
        }

    def _estimate(self) -> Estimate:
        last = self._last
        number, hidden, inner = last["number_bytes"], last["hidden"], last["intermediate"]
        tokens = last["max_seq_length"] or self.params.max_seq_length
        return Estimate(
            weights_bytes=last["parameters"] * number,
            slope_bytes=2 * (hidden + inner) * tokens * number if hidden and inner else None,
            method=FORMULA,
        )
