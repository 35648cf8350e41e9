"""The work of `embeddings`: `SentenceTransformer.encode` over all rows."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from sentence_transformers import SentenceTransformer

from nobs.errors import NobsError, OtherModel, is_exhausted
from nobs.schema.enums import Dtype
from nobs.schema.result import Calibration
from nobs.tasks.base import Bench, Work
from nobs.tasks.calibration import calibrate, free_memory, wait_for
from nobs.tasks.text_embeddings.chain import describe_encoder, encode, is_padded
from nobs.tasks.text_embeddings.cold_bench import ColdBench
from nobs.tasks.text_embeddings.fit_bench import FitBench
from nobs.tasks.text_embeddings.lengths import Batches, make_batches
from nobs.tasks.text_embeddings.loading import (
    attention_of,
    dtype_of,
    formats_for,
    layer_bytes,
    limit_of,
    load_model,
    read_back,
)
from nobs.tasks.text_embeddings.params import (
    EmbeddingsColdParams,
    EmbeddingsFitParams,
    EmbeddingsMaxParams,
    EmbeddingsParams,
)
from nobs.tasks.text_embeddings.profiling import find_flops, watch_encode
from nobs.tasks.text_embeddings.random_model import write_directory
from nobs.tasks.text_embeddings.reference import check_embeddings
from nobs.tasks.text_embeddings.references import find_references
from nobs.tasks.text_embeddings.tokens import count_tokens
from nobs.tasks.text_embeddings.tuning import Search, Settings, count_copies
from nobs.tasks.tuning import OutOfMemory, Refused

PROFILE_S = 1.0
"""Time limit of the instrumented pass, in seconds; longer passes use a part of the batches."""
TRIAL_S = 0.3
LONG_TRIAL_S = 5.0
"""A trial that takes longer isn't repeated."""


class EmbeddingsBench(Bench):
    """Encode the rows of a workload with one model, with fixed or tuned settings."""

    def __init__(self, work: Work) -> None:
        if not isinstance(work.workload.params, EmbeddingsParams | EmbeddingsMaxParams):
            raise TypeError(f"{work.workload.label} has no parameters of embeddings")
        self.work = work
        self.params = work.workload.params
        self.rows: tuple[str, ...] = work.inputs
        self._settings: Settings | None = None
        self._model: SentenceTransformer | None = None
        self._random_weights: tuple[str, ...] = ()
        self.embeddings: Any = None
        self._found: dict[str, Any] = {}

    @property
    def model(self) -> SentenceTransformer:
        """The loaded model."""
        if self._model is None:
            raise RuntimeError("load() comes first")
        return self._model

    @property
    def settings(self) -> Settings:
        """Settings of the loaded model."""
        if self._settings is None:
            raise RuntimeError("load() comes first")
        return self._settings

    def load(self) -> None:
        """Load the weights in the pinned dtype, or in the first one to try."""
        if self.work.model.random:
            path = write_directory(self.work.model, self.work.directory / "model")
            self.work = replace(self.work, model_path=path)
        if isinstance(self.params, EmbeddingsParams):
            self._use(Settings(dtype=self.params.dtype, batch_size=self.params.batch_size))
        else:
            dtype, attention = next(kind for kind in self._formats() if kind[1] is None)
            self._use(Settings(dtype=dtype, attention=attention, batch_size=1))

    def warm_up(self) -> None:
        """Encode the first rows, or find the best settings; then the longest batch."""
        self._try_a_text()
        if isinstance(self.params, EmbeddingsMaxParams):
            self._tune(self.params)
        else:
            self._encode(self.rows[: self.params.warmup_rows])
            self._encode(self._longest_batch())

    def run(self) -> int:
        """Encode all rows; return how many."""
        self.embeddings = self._encode(self.rows)
        return len(self.rows)

    def synchronize(self) -> None:
        """Wait for the device's queue."""
        wait_for(self.work.torch_device)

    def calibrate(self, like: Calibration | None) -> Calibration:
        """Measure the device's peaks in the dtype of the weights."""
        return calibrate(self.work.torch_device, dtype_of(self.model), like)

    def restore(self) -> None:
        """Encode the longest batch, so that the allocator holds enough memory for every batch."""
        self._encode(self._longest_batch())

    def profile(self, pass_s: float) -> None:
        """Measure the phases of a pass, and count its tokens and FLOPs."""
        tokens = count_tokens(self.model, self.rows, limit_of(self.model))
        batches = make_batches(
            self.rows, tokens.lengths if tokens else [0] * len(self.rows),
            self.settings.batch_size, is_padded=is_padded(self.model),
        )  # fmt: skip
        if tokens:
            self._found |= {
                "tokens": sum(tokens.lengths),
                "truncated_rows": tokens.truncated,
                "padded_tokens": sum(batches.padded),
            }
        self._found |= {
            "encode_phases": self._watch(batches, PROFILE_S / pass_s),
            "work": self._count_work(batches) if tokens else None,
        }

    def facts(self) -> dict[str, Any]:
        """Return facts read back from model and output; raises if the output is wrong."""
        model = self.model
        self._check_output()
        return {
            **read_back(model),
            "embedding_dimension": int(self.embeddings.shape[1]),
            "batch_size": self.settings.batch_size,
            "encoder": {
                **describe_encoder(model, self.work.model_path),
                "random_weights": self._random_weights,
            },
            "attention_implementation": attention_of(model),
            "rows_per_pass": len(self.rows),
            "reference": self._compare(),
            **self._found,
        }

    def close(self) -> None:
        """Drop model and output."""
        self._model = None
        self.embeddings = None
        if self.work.model.random:
            shutil.rmtree(self.work.directory / "model", ignore_errors=True)

    def _encode(self, rows: Sequence[str]) -> Any:  # noqa: ANN401 - sentence-transformers is untyped
        return encode(self.model, rows, self.settings.batch_size)

    def _try_a_text(self) -> None:
        """Raise OtherModel if the modules can't embed a text."""
        try:
            self._encode(self.rows[:1])
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            modules = ", ".join(describe_encoder(self.model, self.work.model_path)["modules"])
            raise OtherModel(
                f"The modules of {self.work.model.id} ({modules}) can't embed a text: "
                f"{type(error).__name__}: {error}.",
                "Choose a dense text encoder with --model.",
            ) from error

    def _longest_batch(self) -> list[str]:
        """Return the first batch of a pass: `encode` sorts by length."""
        return sorted(self.rows, key=len, reverse=True)[: self.settings.batch_size]

    def _use(self, settings: Settings) -> None:
        """Load the model with these settings unless it already has them."""
        old, self._settings = self._settings, settings
        if old and (old.dtype, old.attention) == (settings.dtype, settings.attention):
            return
        self._model = None
        free_memory(self.work.torch_device)
        self._model, self._random_weights = load_model(
            self.work, settings, self.params.max_seq_length
        )

    def _formats(self) -> list[tuple[Dtype, str | None]]:
        return formats_for(self.work.torch_device, self.params.dtype)

    def _tune(self, params: EmbeddingsMaxParams) -> None:
        """Find the best settings, repeat the texts for them, and encode the longest batch."""
        start = time.perf_counter()
        search = Search(measure=self._measure, budget_s=params.tuning_budget_s)
        best = search.find(self._formats(), params.batch_size)
        self._use(best.settings)
        rate = best.rate or 0.0
        copies = count_copies(len(self.work.inputs), params.min_rows, rate, params.pass_budget_s)
        self.rows = self.work.inputs * copies
        self._use(search.shrink(best.settings, self._warm_longest))
        self._found["tuning"] = {
            "stopped_by": search.stopped_by,
            "duration_s": time.perf_counter() - start,
            "min_rows": params.min_rows,
            "trials": search.describe(),
        }

    def _measure(self, settings: Settings) -> float:
        """Return the rows/s of batches of the text of median length."""
        try:
            self._use(settings)
        except (ImportError, NobsError) as error:
            raise Refused(str(error)) from error
        typical = sorted(self.work.inputs, key=len)[len(self.work.inputs) // 2]
        rows = [typical] * settings.batch_size
        first = best = self._time(rows)
        spent = first
        while first < LONG_TRIAL_S and (spent < TRIAL_S or spent == first):
            again = self._time(rows)
            best, spent = min(best, again), spent + again
        return settings.batch_size / best

    def _time(self, rows: Sequence[str]) -> float:
        """Return the seconds of encoding; OutOfMemory if they don't fit."""
        self.synchronize()
        start = time.perf_counter()
        try:
            self._encode(rows)
            self.synchronize()
        except RuntimeError as error:
            if not is_exhausted(error):
                raise
            raise OutOfMemory(str(error)) from error
        return time.perf_counter() - start

    def _warm_longest(self, settings: Settings) -> None:
        self._use(settings)
        self._time(self._longest_batch())

    def _check_output(self) -> None:
        embeddings = torch.as_tensor(self.embeddings)
        if len(embeddings) != len(self.rows) or not bool(torch.isfinite(embeddings).all()):
            raise NobsError(
                f"{self.work.model.id} returned embeddings of shape {tuple(embeddings.shape)} for "
                f"{len(self.rows)} rows, or values that are not finite.",
                "The model is broken or the device computes wrongly; ignore the speed.",
            )

    def _compare(self) -> dict[str, Any] | None:
        """Compare the embeddings of the last pass with stored ones; raises if they differ."""
        pin = self.work.model
        if pin.random:
            return None
        references = find_references(pin.id, pin.revision, self.params.max_seq_length)
        return check_embeddings(self.embeddings, self.rows, references, dtype_of(self.model))

    def _watch(self, batches: Batches, share: float) -> dict[str, Any]:
        chosen = batches.spread(share)
        rows = [self.rows[row] for batch in chosen for row in batch]
        size, device = self.settings.batch_size, self.work.torch_device
        return {
            "rows": len(rows),
            "batches": len(chosen),
            "all_batches": len(batches.rows),
            **watch_encode(self.model, rows, size, device),
        }

    def _count_work(self, batches: Batches) -> dict[str, Any] | None:
        flops = find_flops(self.model, max(self.rows, key=len))
        if flops is None:
            return None
        return {
            "flop_method": flops.method,
            "model_flop": flops.of_rows(batches.lengths),
            "padded_flop": flops.of_rows(batches.padded),
            "weights_bytes": layer_bytes(self.model) * len(batches.rows),
        }


def make_bench(work: Work) -> EmbeddingsBench | ColdBench | FitBench:
    """Return the bench of the workload's kind."""
    match work.workload.params:
        case EmbeddingsColdParams():
            return ColdBench(work)
        case EmbeddingsFitParams():
            return FitBench(work)
    return EmbeddingsBench(work)
