"""The work of `embeddings`: `SentenceTransformer.encode` over all rows, as people call it."""

from typing import Any

import torch
import transformers
from sentence_transformers import SentenceTransformer

from nobs.catalog.references import find_references
from nobs.errors import ModelMissing, NobsError
from nobs.schema.base import Dtype
from nobs.schema.pins import EmbeddingsParams
from nobs.schema.result import Calibration
from nobs.tasks.base import Work
from nobs.tasks.calibration import calibrate, wait_for
from nobs.tasks.text_embeddings.lengths import Batches, make_batches
from nobs.tasks.text_embeddings.reference import check_embeddings
from nobs.tasks.text_embeddings.study import find_flops, watch_encode

transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
STUDY_S = 2.0
"""Seconds that the instrumented pass may take; longer ones are made of some batches only."""


class EmbeddingsBench:
    """Encode the rows of a workload with one model."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.params: EmbeddingsParams = work.workload.params
        self._model: SentenceTransformer | None = None
        self._embeddings: Any = None
        self._studied: dict[str, Any] = {}

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
        wait_for(self.work.torch_device)

    def calibrate(self, like: Calibration | None) -> Calibration:
        """Measure what the device can do in the format of the weights."""
        return calibrate(self.work.torch_device, Dtype(_dtype(self.model)), like)

    def study(self, pass_s: float) -> None:
        """Find where the time of a pass goes, and what it computes."""
        lengths, truncated = self._tokenise()
        batches = make_batches(self.work.rows, lengths, self.params.batch_size)
        self._studied = {
            "tokens": sum(lengths),
            "truncated_rows": truncated,
            "padded_tokens": sum(batches.padded),
            "encode_phases": self._watch(batches, STUDY_S / pass_s),
            "work": self._count_work(batches),
        }

    def facts(self) -> dict[str, Any]:
        """Read back what the model is and what it gave; raises if the output can't be right."""
        model = self.model
        self._check_output()
        return {
            "embedding_dimension": int(self._embeddings.shape[1]),
            "dtype": _dtype(model),
            "max_seq_length": model.max_seq_length,
            "batch_size": self.params.batch_size,
            "parameters": sum(p.numel() for p in model.parameters()),
            "attention_implementation": _attention(model),
            "parameter_device": str(next(model.parameters()).device),
            "reference": self._compare(),
            **self._studied,
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

    def _compare(self) -> dict[str, Any]:
        """Return how near the embeddings of the last pass are to stored ones; raises if too far."""
        pin = self.work.model
        references = find_references(pin.id, pin.revision, self.params.max_seq_length)
        dtype = Dtype(_dtype(self.model))
        return check_embeddings(self._embeddings, self.work.rows, references, dtype)

    def _tokenise(self) -> tuple[list[int], int]:
        """Return the tokens of each row after truncation, and how many rows were cut."""
        limit = self.params.max_seq_length
        encoded = self.model.tokenizer(list(self.work.rows), truncation=False, verbose=False)
        lengths = [len(ids) for ids in encoded["input_ids"]]
        return [min(n, limit) for n in lengths], sum(n > limit for n in lengths)

    def _watch(self, batches: Batches, share: float) -> dict[str, Any]:
        chosen = batches.spread(share)
        rows = [self.work.rows[row] for batch in chosen for row in batch]
        return {
            "rows": len(rows),
            "batches": len(chosen),
            "all_batches": len(batches.rows),
            **watch_encode(self.model, rows, self.params.batch_size, self.work.torch_device),
        }

    def _count_work(self, batches: Batches) -> dict[str, Any] | None:
        flops = find_flops(self.model, max(self.work.rows, key=len))
        if flops is None:
            return None
        return {
            "flop_method": flops.method,
            "model_flop": flops.of_rows(batches.lengths),
            "padded_flop": flops.of_rows(batches.padded),
            "weights_bytes": _layer_bytes(self.model) * len(batches.rows),
        }


def _dtype(model: SentenceTransformer) -> str:
    return str(next(model.parameters()).dtype).removeprefix("torch.")


def _layer_bytes(model: SentenceTransformer) -> int:
    """Return the size of the weights that every batch reads whole: all but tables of embeddings."""
    tables = [m.weight for m in model.modules() if isinstance(m, torch.nn.Embedding)]
    sizes = {id(p): p.numel() * p.element_size() for p in model.parameters()}
    return sum(sizes.values()) - sum(sizes.get(id(table), 0) for table in tables)


def _attention(model: SentenceTransformer) -> str | None:
    """Return the attention implementation that transformers chose, as in `sdpa`."""
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    return getattr(config, "_attn_implementation", None)
