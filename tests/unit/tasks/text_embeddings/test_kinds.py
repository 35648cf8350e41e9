"""Each module of sentence-transformers: measured as what it is, or refused with the reason."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from sentence_transformers import cross_encoder, multi_vector_encoder, sparse_encoder
from sentence_transformers.cross_encoder import modules as cross_modules
from sentence_transformers.multi_vector_encoder import modules as multi_modules
from sentence_transformers.sentence_transformer import modules as dense_modules
from sentence_transformers.sentence_transformer.modules import BoW
from sentence_transformers.sparse_encoder import modules as sparse_modules

from nobs.data.layout import TRANSFORMERS, WEIGHTED
from nobs.errors import NobsError, OtherModel
from nobs.schema.enums import Dtype
from nobs.tasks.text_embeddings.params import EmbeddingsMaxParams
from nobs.tasks.text_embeddings.report import Encoder, Origin
from tests.fakes import encoders
from tests.fakes.benches import LIMIT, ROWS, bench_of, facts_of, reaching

pytestmark = pytest.mark.heavy

ABSTRACT = {"Module", "InputModule"}
ALIASES = {"CLIPModel"}
"""Older names of `Transformer`; CLIP has a test of its own."""
COMMON = ("Transformer", "StaticEmbedding", "WordEmbeddings", "Router")
"""One of each way to read texts; the others differ in what comes after the first module."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Save each model once."""
    root = tmp_path_factory.mktemp("encoders")

    def save(kind: str) -> Path:
        directory = root / kind
        if not directory.exists():
            encoders.saved(directory, *encoders.DENSE[kind](root / f"parts-{kind}"))
        return directory

    return save


@pytest.mark.parametrize(
    "dtype", [Dtype.FLOAT32, pytest.param(Dtype.BFLOAT16, marks=pytest.mark.long)]
)
@pytest.mark.parametrize(
    "kind",
    [
        *COMMON,
        *(
            pytest.param(kind, marks=pytest.mark.long)
            for kind in encoders.DENSE
            if kind not in (*COMMON, "BoW")
        ),
    ],
)
def test_every_dense_module_is_measured(
    saved: Callable[[str], Path], kind: str, dtype: Dtype
) -> None:
    bench = bench_of(saved(kind), dtype=dtype)
    facts = facts_of(bench)
    encoder = Encoder.model_validate(facts["encoder"])

    assert facts["dtype"] == dtype
    assert facts["tokens"] == reaching(bench)
    assert facts["truncated_rows"] == (kind != "StaticEmbedding")
    assert facts["max_seq_length"] == (None if kind == "StaticEmbedding" else LIMIT)
    assert encoder.origin is Origin.SAVED
    assert (facts["work"] is None) == (encoder.architecture is None)
    assert kind in encoder.modules or kind in ("Router", "Asym")
    json.dumps(facts, allow_nan=False)


def test_the_embeddings_are_those_of_the_library(saved: Callable[[str], Path]) -> None:
    for kind in ("Transformer", "StaticEmbedding", "WordEmbeddings", "Router"):
        bench = bench_of(saved(kind))
        bench.load()
        bench.run()
        model = bench.model
        call = model.encode_document if kind == "Router" else model.encode

        assert (bench.embeddings == call(list(ROWS))).all()


def test_every_module_of_the_library_is_tried_or_refused(tmp_path: Path) -> None:
    assert {*dense_modules.__all__} == {*encoders.DENSE} | ABSTRACT | ALIASES
    shared = {*dense_modules.__all__}
    assert {*sparse_modules.__all__} - shared == {*encoders.SPARSE}

    others = [
        (getattr(package, name), kind)
        for package, kind in (
            (sparse_modules, "sparse"), (cross_modules, "cross"), (multi_modules, "multi-vector"),
        )
        for name in {*package.__all__} - shared
    ]  # fmt: skip
    for found, kind in others:
        reference = f"{found.__module__}.{found.__name__}"
        listed = [{"idx": 0, "name": "0", "path": "", "type": reference}]
        (tmp_path / "modules.json").write_text(json.dumps(listed))
        with pytest.raises(OtherModel, match=kind):
            bench_of(tmp_path)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[pytest.mark.long] if number else [])
        for number, kind in enumerate(encoders.SPARSE)
    ],
)
def test_sparse_encoders_are_refused_before_they_are_loaded(tmp_path: Path, kind: str) -> None:
    encoders.sparse(tmp_path / "model", *encoders.SPARSE[kind](tmp_path / "parts"))

    with pytest.raises(OtherModel, match="is a sparse encoder"):
        bench_of(tmp_path / "model")


@pytest.mark.parametrize("name", ["SparseEncoder", "CrossEncoder", "MultiVectorEncoder"])
def test_the_library_names_its_kinds_as_we_know_them(name: str) -> None:
    package = {"SparseEncoder": sparse_encoder, "CrossEncoder": cross_encoder,
               "MultiVectorEncoder": multi_vector_encoder}[name]  # fmt: skip

    assert getattr(package, name).model_type == name


def test_a_bag_of_words_alone_is_refused_and_counts_in_float32(
    tmp_path: Path, saved: Callable[[str], Path]
) -> None:
    encoders.saved(tmp_path / "bag", BoW(encoders.WORDS))
    with pytest.raises(OtherModel, match="no weights: its modules are BoW"):
        bench_of(tmp_path / "bag")

    facts = facts_of(bench_of(saved("BoW")))
    assert "tokens" not in facts
    assert facts["work"] is None
    with pytest.raises(NobsError, match="counts words in float32"):
        bench_of(saved("BoW"), dtype=Dtype.BFLOAT16).load()


def test_a_static_embedding_is_tuned(saved: Callable[[str], Path]) -> None:
    bench = bench_of(saved("StaticEmbedding"), ROWS[1:])
    bench.params = EmbeddingsMaxParams(min_rows=8, tuning_budget_s=0.001)
    facts = facts_of(bench)

    assert facts["rows_per_pass"] == 9
    assert math.isfinite(facts["tokens"])


def test_modules_that_read_weights_are_those_of_the_library() -> None:
    reading = {
        name
        for name in dense_modules.__all__
        if "load_torch_weights" in getattr(dense_modules, name).load.__func__.__code__.co_names
    }

    assert reading | TRANSFORMERS == WEIGHTED
