"""Cold starts: each repeat is a new process that embeds one text."""

from typing import Any

from nobs.tasks.base import Work
from nobs.tasks.cold.process import ProcessBench
from nobs.tasks.text_embeddings.params import EmbeddingsColdParams
from nobs.tasks.text_embeddings.reference import facts_of_process

TARGET = "nobs.tasks.text_embeddings.cold_work:EmbedOne"


class ColdBench(ProcessBench):
    """Embed one text in a new process."""

    def __init__(self, work: Work) -> None:
        self.params = work.params_of(EmbeddingsColdParams)
        super().__init__(work, TARGET, work.inputs[:1], self.params.warm_passes)

    def facts(self) -> dict[str, Any]:
        """Return all starts and what the last process read back; raises if its output is wrong."""
        found = facts_of_process(self.work, self.last, self.params.max_seq_length, "speed")
        return {**super().facts(), **found, "batch_size": 1}
