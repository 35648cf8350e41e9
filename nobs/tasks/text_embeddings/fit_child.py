"""The process of one growth: loads the model, then encodes larger and larger batches."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer

from nobs.errors import is_exhausted
from nobs.schema.pins import ModelPin, Workload
from nobs.tasks.base import Work
from nobs.tasks.calibration import wait_for
from nobs.tasks.fit.child import say, say_done
from nobs.tasks.fit.memory import memory_now, peak_since, watch_peak
from nobs.tasks.fit.process import next_stop
from nobs.tasks.fit.report import FitPoint, Stop
from nobs.tasks.parameters import typed
from nobs.tasks.text_embeddings.chain import config_of, encode
from nobs.tasks.text_embeddings.loading import load_model, read_back
from nobs.tasks.text_embeddings.params import EmbeddingsFitParams
from nobs.tasks.text_embeddings.tuning import Settings

CHARS_PER_TOKEN = 12
"""More than any usual text has, so that a row is as long as the model allows."""


def main() -> None:
    """Read the order on the standard input; print what is reached as lines of JSON."""
    start_s, order = time.perf_counter(), json.load(sys.stdin)
    device = order["device"]
    work = Work(
        model=ModelPin.model_validate(order["model"]), model_path=Path(order["path"]),
        inputs=(order["text"],), workload=typed(Workload.model_validate(order["workload"])),
        torch_device=device,
    )  # fmt: skip
    params = work.params_of(EmbeddingsFitParams)
    before = memory_now(device)
    settings = Settings(dtype=params.dtype, batch_size=1)
    model, _ = load_model(work, settings, params.max_seq_length)
    # Weights that are mapped from a file are in memory only once they were read.
    embedding = encode(model, [order["text"]], 1)[0]
    wait_for(device)
    loaded = memory_now(device)
    say(loaded=_facts(model, device) | {
        "before_bytes": before, "loaded_bytes": max(before, loaded),
        "embedding": [float(value) for value in embedding],
    })  # fmt: skip
    row = " ".join(order["texts"])
    row = row * (CHARS_PER_TOKEN * params.max_seq_length // len(row) + 1)
    points: list[FitPoint] = []
    for size in order["sizes"]:
        left_s = params.budget_s - (time.perf_counter() - start_s)
        stop = next_stop(size, points, order["limit_bytes"], left_s)
        stop = stop or _try(model, row, size, device, points)
        if stop:
            return say(stop=stop)
    return say_done()


def _try(
    model: SentenceTransformer, row: str, size: int, device: str, points: list[FitPoint]
) -> dict[str, Any] | None:
    """Encode a batch and note its peak; return why it didn't fit, else None."""
    watch_peak(device)
    try:
        encode(model, [row] * size, size)
        peak = peak_since(device)
    except (RuntimeError, MemoryError) as error:
        if not is_exhausted(error):
            raise
        return {"by": Stop.OUT_OF_MEMORY, "at": size, "why": str(error).splitlines()[0]}
    points.append(FitPoint(size=size, peak_bytes=peak))
    say(point=points[-1].model_dump())
    return None


def _facts(model: SentenceTransformer, device: str) -> dict[str, Any]:
    config = config_of(model)
    return {
        **read_back(model),
        "number_bytes": next(model.parameters()).element_size(),
        "hidden": getattr(config, "hidden_size", None),
        "intermediate": getattr(config, "intermediate_size", None),
        "device_limit_bytes": int(torch.cuda.mem_get_info()[0]) if device == "cuda" else None,
    }


if __name__ == "__main__":
    main()
