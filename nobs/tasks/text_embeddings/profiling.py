"""An instrumented pass of `encode`, and FLOPs as counted by torch."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch.utils.flop_counter import FlopCounterMode

from nobs.tasks.calibration import wait_for
from nobs.tasks.text_embeddings.chain import config_of, encode, preprocess
from nobs.tasks.text_embeddings.flops import FIT_LENGTHS, FlopModel, from_config, from_counts

COUNTED_ATTENTION = ("sdpa", "eager")
"""Kernels that torch's FLOP counter supports."""


class Stopwatch:
    """Seconds by phase; the device is synchronised at the end of each phase."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.seconds = dict.fromkeys(("tokenise", "copy_in", "forward", "copy_out", "other"), 0.0)
        self._start = time.perf_counter()

    def end(self, phase: str) -> None:
        """Count what has passed since the last call as `phase`."""
        wait_for(self.device)
        now = time.perf_counter()
        self.seconds[phase] += now - self._start
        self._start = now


def watch_encode(
    model: SentenceTransformer, rows: Sequence[str], batch_size: int, device: str
) -> dict[str, float]:
    """Encode `rows` once; return the seconds of each phase and the host's share.

    `other_s` is the time before the first batch: sorting. `copy_out_s` includes restoring the order
    after the last forward pass.
    """
    wait_for(device)
    watch = Stopwatch(device)
    with _watched(model, watch):
        encode(model, rows, batch_size)
    watch.end("copy_out")
    total = sum(watch.seconds.values())
    seconds = {f"{phase}_s": spent for phase, spent in watch.seconds.items()}
    return {**seconds, "host_share": 1 - watch.seconds["forward"] / total}


@contextmanager
def _watched(model: SentenceTransformer, watch: Stopwatch) -> Iterator[None]:
    """Stop the watch at each stage of `encode`: around `preprocess` and around the model itself."""
    preprocess = model.preprocess

    def timed(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - sentence-transformers is untyped
        watch.end("copy_out" if watch.seconds["forward"] else "other")
        features = preprocess(*args, **kwargs)
        watch.end("tokenise")
        return features

    hooks = (
        model.register_forward_pre_hook(lambda *_: watch.end("copy_in")),
        model.register_forward_hook(lambda *_: watch.end("forward")),
    )
    model.preprocess = timed  # type: ignore[method-assign]
    try:
        yield
    finally:
        del model.preprocess
        for hook in hooks:
            hook.remove()


def find_flops(model: SentenceTransformer, text: str) -> FlopModel | None:
    """Return the FLOPs by the model's formula, else as torch counts them for parts of `text`."""
    config = config_of(model)
    if config is None:
        return None
    formula = from_config(config.to_dict())
    seen = config._attn_implementation in COUNTED_ATTENTION  # noqa: SLF001
    return count_flops(model, text) if formula is None and seen else formula


def count_flops(model: SentenceTransformer, text: str) -> FlopModel | None:
    """Return the FLOPs as counted by torch for the first tokens of `text`; None if too short."""
    features = _features(model, text)
    if features["input_ids"].shape[1] < max(FIT_LENGTHS):
        return None
    return from_counts({tokens: _count(model, features, tokens) for tokens in FIT_LENGTHS})


def _features(model: SentenceTransformer, text: str) -> dict[str, Any]:
    """Return the model's input with tensors on its device; a router reads the other values."""
    return {
        name: value.to(model.device) if isinstance(value, torch.Tensor) else value
        for name, value in preprocess(model, [text]).items()
    }


def _count(model: SentenceTransformer, features: dict[str, Any], tokens: int) -> int:
    """Return the FLOPs of one row cut to `tokens`."""
    cut = {
        name: value[:, :tokens] if isinstance(value, torch.Tensor) and value.ndim > 1 else value
        for name, value in features.items()
    }
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(cut)
    return int(counter.get_total_flops())
