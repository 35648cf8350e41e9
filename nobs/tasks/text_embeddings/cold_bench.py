"""Cold starts: each repeat is a new process that embeds one text."""

from typing import Any

import numpy as np

from nobs.errors import NobsError
from nobs.schema.enums import Dtype
from nobs.tasks.base import Work
from nobs.tasks.cold.process import ProcessBench
from nobs.tasks.text_embeddings.params import EmbeddingsColdParams
from nobs.tasks.text_embeddings.reference import check_embeddings
from nobs.tasks.text_embeddings.references import find_references

TARGET = "nobs.tasks.text_embeddings.cold_work:EmbedOne"


class ColdBench(ProcessBench):
    """Embed one text in a new process."""

    def __init__(self, work: Work) -> None:
        self.params = work.params_of(EmbeddingsColdParams)
        super().__init__(work, TARGET, work.inputs[:1], self.params.warm_passes)

    def facts(self) -> dict[str, Any]:
        """Return all starts and what the last process read back; raises if its output is wrong."""
        last, model = self.last, self.work.model
        dtype, text = Dtype(last["dtype"]), self.work.inputs[0]
        embedding = np.array([last["embedding"]], dtype=np.float32)
        if not np.isfinite(embedding).all():
            raise NobsError(
                f"{model.id} returned values that are not finite.",
                "The model is broken or the device computes wrongly; ignore the speed.",
            )
        references = find_references(model.id, model.revision, self.params.max_seq_length)
        return super().facts() | {
            "embedding_dimension": embedding.shape[1],
            "dtype": dtype,
            "max_seq_length": last["max_seq_length"],
            "batch_size": 1,
            "rows_per_pass": 1,
            "parameters": last["parameters"],
            "parameter_device": last["parameter_device"],
            "reference": check_embeddings(embedding, [text], references, dtype),
        }
