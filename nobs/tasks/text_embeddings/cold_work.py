"""What the process of a cold start does: embed one text."""

from typing import Any

from nobs.tasks.base import Work
from nobs.tasks.calibration import wait_for
from nobs.tasks.text_embeddings.chain import encode
from nobs.tasks.text_embeddings.loading import load_model, read_back
from nobs.tasks.text_embeddings.params import EmbeddingsColdParams
from nobs.tasks.text_embeddings.tuning import Settings


class EmbedOne:
    """Embeds the first text."""

    def __init__(self, work: Work) -> None:
        self._work, self._params = work, work.params_of(EmbeddingsColdParams)
        self._model: Any = None
        self._embeddings: Any = None

    def load(self) -> None:
        """Load the model and wait for the device."""
        settings = Settings(dtype=self._params.dtype, batch_size=1)
        self._model, _ = load_model(self._work, settings, self._params.max_seq_length)
        wait_for(self._work.torch_device)

    def compute(self) -> None:
        """Embed the text."""
        self._embeddings = encode(self._model, self._work.inputs[:1], 1)
        wait_for(self._work.torch_device)

    def facts(self) -> dict[str, Any]:
        """Return the embedding, and settings read back."""
        embedding = [float(value) for value in self._embeddings[0]]
        return {"embedding": embedding, **read_back(self._model)}
