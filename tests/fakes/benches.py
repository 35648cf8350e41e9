"""The bench of embeddings with models that lie in a directory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from nobs.data.models import open_model
from nobs.schema.pins import ModelPin, Source
from nobs.tasks.base import Work
from nobs.tasks.text_embeddings.bench import EmbeddingsBench
from nobs.tasks.text_embeddings.chain import chain_of
from tests.fakes.run_requests import pinned

QUICK = pinned("embeddings", "quick")
LIMIT = 256
"""Tokens at which its texts are cut."""
ROWS = ("tea in the morning rain " * 70, "rain tea", "x", "tea rain in the morning")
"""The first is longer than that."""


def bench_of(
    directory: Path, rows: Sequence[str] = ROWS, *, trusted: bool = False, **params: Any
) -> EmbeddingsBench:
    pin = ModelPin(id=str(directory), source=Source.PATH, trust_remote_code=trusted)
    changed = QUICK.params.model_copy(update=params)
    return EmbeddingsBench(
        Work(
            model=pin, model_path=open_model(pin).path, inputs=tuple(rows),
            workload=QUICK.model_copy(update={"params": changed}), torch_device="cpu",
        )
    )  # fmt: skip


def facts_of(bench: EmbeddingsBench) -> dict[str, Any]:
    bench.load()
    bench.warm_up()
    bench.run()
    bench.profile(10.0)
    return bench.facts()


def reaching(bench: EmbeddingsBench) -> int:
    """Return the tokens that reach the first module in a pass, padding excluded."""
    seen: list[int] = []

    def note(_module: torch.nn.Module, arguments: tuple[dict[str, Any], ...]) -> None:
        features = arguments[0]
        mask = features.get("attention_mask")
        seen.append(features["input_ids"].numel() if mask is None else int(mask.sum()))

    hook = chain_of(bench.model)[0].register_forward_pre_hook(note)
    bench.run()
    hook.remove()
    return sum(seen)
