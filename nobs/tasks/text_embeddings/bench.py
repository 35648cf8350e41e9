"""The work of `embeddings`: `SentenceTransformer.encode` over all rows, as people call it."""

from typing import Any

import torch
import transformers
from sentence_transformers import SentenceTransformer

from nobs.errors import ModelMissing, NobsError
from nobs.schema.pins import EmbeddingsParams
from nobs.tasks.base import Work

transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]


class EmbeddingsBench:
    """Encode the rows of a workload with one model."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.params: EmbeddingsParams = work.workload.params
        self._model: SentenceTransformer | None = None
        self._embeddings: Any = None

    @property
    def model(self) -> SentenceTransformer:
        """The loaded model."""
        if self._model is None:
            raise RuntimeError("load() comes first")
        return self._model

    def load(self) -> None:
        """Load the weights in the pinned dtype and set the pinned sequence length."""
        pin = self.work.model
        try:
            self._model = SentenceTransformer(
                str(self.work.model_path),
                device=self.work.torch_device,
                trust_remote_code=pin.trust_remote_code,
                local_files_only=True,
                model_kwargs={"dtype": getattr(torch, self.params.dtype.value)},
            )
        except (OSError, ValueError, KeyError) as error:
            raise ModelMissing(
                f"The weights of {pin.id} can't be loaded from {self.work.model_path}: {error}.",
                "Delete that directory and run `nobs prefetch` again.",
            ) from error
        self._model.max_seq_length = self.params.max_seq_length
        self._model.eval()
        self._check_dtype()

    def warm_up(self) -> None:
        """Encode the first rows, and the longest batch: `encode` sorts by length."""
        rows = self.work.rows
        self._encode(rows[: self.params.warmup_rows])
        self._encode(sorted(rows, key=len, reverse=True)[: self.params.batch_size])

    def run(self) -> int:
        """Encode all rows; return how many."""
        self._embeddings = self._encode(self.work.rows)
        return len(self.work.rows)

    def synchronize(self) -> None:
        """Wait for the device's queue."""
        match self.work.torch_device:
            case "cuda":
                torch.cuda.synchronize()
            case "mps":
                torch.mps.synchronize()

    def facts(self) -> dict[str, Any]:
        """Read back what the model is and what it gave; raises if the output can't be right."""
        model = self.model
        parameter = next(model.parameters())
        self._check_output()
        return {
            "embedding_dimension": int(self._embeddings.shape[1]),
            "dtype": str(parameter.dtype).removeprefix("torch."),
            "max_seq_length": model.max_seq_length,
            "batch_size": self.params.batch_size,
            "parameters": sum(p.numel() for p in model.parameters()),
            "attention_implementation": _attention(model),
            "parameter_device": str(parameter.device),
            **self._count_tokens(),
        }

    def close(self) -> None:
        """Drop model and output."""
        self._model = None
        self._embeddings = None

    def _encode(self, rows: Any) -> Any:  # noqa: ANN401 - sentence-transformers is untyped
        return self.model.encode(
            list(rows), batch_size=self.params.batch_size, show_progress_bar=False
        )

    def _check_dtype(self) -> None:
        loaded = {str(p.dtype).removeprefix("torch.") for p in self.model.parameters()}
        if loaded != {self.params.dtype.value}:
            raise NobsError(
                f"{self.work.model.id} was loaded as {', '.join(sorted(loaded))} though "
                f"{self.params.dtype} was asked for.",
                "Please report this: a library changed how it chooses the number format.",
            )

    def _check_output(self) -> None:
        embeddings = torch.as_tensor(self._embeddings)
        if len(embeddings) != len(self.work.rows) or not bool(torch.isfinite(embeddings).all()):
            raise NobsError(
                f"{self.work.model.id} gave {tuple(embeddings.shape)} embeddings with values that "
                f"are not finite, or not one for each of {len(self.work.rows)} rows.",
                "The model or this device's arithmetic is broken; its speed means nothing.",
            )

    def _count_tokens(self) -> dict[str, int]:
        limit = self.params.max_seq_length
        encoded = self.model.tokenizer(list(self.work.rows), truncation=False, verbose=False)
        lengths = [len(ids) for ids in encoded["input_ids"]]
        return {
            "tokens": sum(min(length, limit) for length in lengths),
            "truncated_rows": sum(length > limit for length in lengths),
        }


def _attention(model: SentenceTransformer) -> str | None:
    """Return the attention implementation that transformers chose, as in `sdpa`."""
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    return getattr(config, "_attn_implementation", None)
