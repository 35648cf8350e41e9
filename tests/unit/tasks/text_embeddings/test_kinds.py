"""Each module of sentence-transformers: measured as what it is, or refused with the reason."""

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import cross_encoder, multi_vector_encoder, sparse_encoder
from sentence_transformers.cross_encoder import modules as cross_modules
from sentence_transformers.multi_vector_encoder import modules as multi_modules
from sentence_transformers.sentence_transformer import modules as dense_modules
from sentence_transformers.sentence_transformer.modules import BoW, CLIPModel, Router
from sentence_transformers.sparse_encoder import modules as sparse_modules
from transformers import BertForMaskedLM

from nobs.catalog import load_catalog
from nobs.data.layout import TRANSFORMERS, WEIGHTED
from nobs.data.models import open_model
from nobs.errors import ModelMissing, NobsError, OtherModel
from nobs.schema.base import Dtype
from nobs.schema.pins import EmbeddingsMaxParams, ModelPin, Source
from nobs.tasks.base import Work
from nobs.tasks.text_embeddings.bench import EmbeddingsBench
from nobs.tasks.text_embeddings.chain import chain_of, encode
from nobs.tasks.text_embeddings.loading import layer_bytes
from nobs.tasks.text_embeddings.report import Encoder, Origin
from tests.fakes import encoders

QUICK = load_catalog().workload("embeddings", "quick")
LIMIT = 256
ROWS = ("tea in the morning rain " * 70, "rain tea", "x", "tea rain in the morning")
ABSTRACT = {"Module", "InputModule"}
ALIASES = {"CLIPModel"}
"""Older names of `Transformer`; CLIP has a test of its own."""


def bench_of(
    directory: Path, rows: Sequence[str] = ROWS, *, trusted: bool = False, **params: Any
) -> EmbeddingsBench:
    pin = ModelPin(id=str(directory), source=Source.PATH, trust_remote_code=trusted)
    changed = QUICK.params.model_copy(update=params)
    return EmbeddingsBench(
        Work(
            model=pin, model_path=open_model(pin).path, rows=tuple(rows),
            workload=QUICK.model_copy(update={"params": changed}), torch_device="cpu",
        )
    )  # fmt: skip


def facts_of(bench: EmbeddingsBench) -> dict[str, Any]:
    bench.load()
    bench.warm_up()
    bench.run()
    bench.study(10.0)
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


@pytest.mark.parametrize("dtype", [Dtype.FLOAT32, Dtype.BFLOAT16])
@pytest.mark.parametrize("kind", [kind for kind in encoders.DENSE if kind != "BoW"])
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

        assert (bench._embeddings == call(list(ROWS))).all()


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


@pytest.mark.parametrize("kind", encoders.SPARSE)
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


@pytest.mark.parametrize(
    ("write", "architecture", "published", "pooling"),
    [
        (encoders.bert, "BertModel", None, "mean"),
        (
            partial(encoders.bert, kind=BertForMaskedLM), "BertModel", "BertForMaskedLM", "mean",
        ),
        (encoders.llama, "LlamaModel", "LlamaForCausalLM", "lasttoken"),
        (encoders.t5, "T5EncoderModel", "T5Model", "mean"),
    ],
)  # fmt: skip
def test_a_guess_is_named(
    tmp_path: Path, write: Any, architecture: str, published: str | None, pooling: str
) -> None:
    bench = bench_of(write(tmp_path / "model"))
    facts = facts_of(bench)

    assert facts["encoder"] == {
        "modules": ["Transformer", "Pooling"], "architecture": architecture, "pooling": pooling,
        "route": None, "prompt": None, "origin": "guessed", "published_architecture": published,
        "random_weights": (),
    }  # fmt: skip
    assert facts["tokens"] == reaching(bench)
    assert 0 < layer_bytes(bench.model) < 100_000


def test_a_model_of_an_unknown_type_is_converted(
    tmp_path: Path, saved: Callable[[str], Path]
) -> None:
    directory = encoders.saved(tmp_path / "model", *encoders.DENSE["Dense"](tmp_path / "parts"))
    settings = directory / "config_sentence_transformers.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"model_type": "Newer"}))
    bench = bench_of(directory)
    bench.load()
    bench.run()

    encoder = bench.facts()["encoder"]
    assert (encoder["origin"], encoder["modules"]) == ("converted", ["Transformer", "Pooling"])


@pytest.mark.parametrize(
    "write", [encoders.roberta, lambda path: encoders.bert(path, positions=64)]
)
def test_texts_are_cut_where_positions_end(tmp_path: Path, write: Any) -> None:
    bench = bench_of(write(tmp_path / "model"))
    facts = facts_of(bench)

    assert (facts["max_seq_length"], facts["truncated_rows"]) == (64, 1)
    assert facts["tokens"] == reaching(bench)


def test_model2vec_is_a_static_embedding(tmp_path: Path) -> None:
    bench = bench_of(encoders.model2vec(tmp_path / "model", tmp_path / "parts"))
    facts = facts_of(bench)

    assert facts["encoder"]["modules"] == ["StaticEmbedding", "Normalize"]
    assert (facts["dtype"], facts["tokens"]) == ("float32", reaching(bench))


def test_a_static_embedding_that_cuts_texts_itself_says_so(tmp_path: Path) -> None:
    directory = encoders.saved(tmp_path / "model", encoders.static(tmp_path))
    tokenizer = json.loads((directory / "tokenizer.json").read_text())
    tokenizer["truncation"] = {"direction": "Right", "max_length": 20,
                               "strategy": "LongestFirst", "stride": 0}  # fmt: skip
    (directory / "tokenizer.json").write_text(json.dumps(tokenizer))
    bench = bench_of(directory)
    facts = facts_of(bench)

    assert (facts["max_seq_length"], facts["truncated_rows"]) == (20, 1)
    assert facts["tokens"] == reaching(bench)


def document_or_query(root: Path, **options: Any) -> Router:
    routes = {"query": [encoders.static(root)], "document": encoders.pooled(root)}
    return Router(routes, **options)


@pytest.mark.parametrize(
    "options", [{}, {"allow_empty_key": False}, {"default_route": "query"}], ids=str
)
def test_rows_are_documents_whatever_the_default_is(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    """`Router` takes its first route as the default one, here that of queries."""
    bench = bench_of(
        encoders.saved(tmp_path / "model", document_or_query(tmp_path / "parts", **options))
    )
    facts = facts_of(bench)

    assert facts["encoder"]["route"] == "document"
    assert facts["encoder"]["modules"] == ["Transformer", "Pooling"]
    assert facts["tokens"] == reaching(bench)
    assert facts["work"]["flop_method"] == "formula of BERT"


def test_a_mapped_route_and_the_prompt_of_documents_are_used(tmp_path: Path) -> None:
    routes = {"q": [encoders.static(tmp_path)], "d": encoders.pooled(tmp_path / "parts")}
    router = Router(routes, route_mappings={("query", "text"): "q", ("document", "text"): "d"})
    prompts = {"query": "find: ", "document": "about tea: "}
    bench = bench_of(encoders.saved(tmp_path / "model", router, prompts=prompts))
    facts = facts_of(bench)

    assert (facts["encoder"]["route"], facts["encoder"]["prompt"]) == ("d", "about tea: ")
    assert facts["tokens"] == reaching(bench)
    assert (encode(bench.model, ROWS, 16) == bench.model.encode_document(list(ROWS))).all()


def test_a_router_without_documents_takes_its_default(tmp_path: Path) -> None:
    routes = {"a": [encoders.static(tmp_path)], "b": encoders.pooled(tmp_path / "parts")}
    named = encoders.saved(tmp_path / "named", Router(routes, default_route="b"))
    assert facts_of(bench_of(named))["encoder"]["route"] == "b"

    none = encoders.saved(tmp_path / "none", Router(routes, allow_empty_key=False))
    with pytest.raises(OtherModel, match="no route for documents and no default one, only a, b"):
        bench_of(none).load()


def test_the_layers_of_other_routes_are_not_read(tmp_path: Path) -> None:
    alone = bench_of(encoders.saved(tmp_path / "alone", *encoders.pooled(tmp_path / "parts")))
    alone.load()
    routed = bench_of(encoders.saved(tmp_path / "routed", document_or_query(tmp_path / "parts")))
    routed.load()

    assert layer_bytes(routed.model) == layer_bytes(alone.model)


def test_modules_that_make_no_embedding_are_refused(tmp_path: Path) -> None:
    directory = encoders.saved(tmp_path / "model", *encoders.pooled(tmp_path / "parts"))
    listed = json.loads((directory / "modules.json").read_text())
    (directory / "modules.json").write_text(json.dumps(listed[:1]))
    bench = bench_of(directory)
    bench.load()

    with pytest.raises(OtherModel, match=r"\(Transformer\) make no embedding of a text"):
        bench.warm_up()


def test_images_are_no_texts(tmp_path: Path) -> None:
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel  # noqa: PLC0415

    size: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    ViTModel(ViTConfig(intermediate_size=32, **size)).save_pretrained(tmp_path)
    ViTImageProcessorPil().save_pretrained(tmp_path)
    with pytest.raises(ModelMissing, match="no tokenizer"):
        bench_of(tmp_path)

    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(OtherModel, match="encodes image, not text"):
        bench_of(tmp_path).load()


def test_the_text_half_of_clip_is_measured(tmp_path: Path) -> None:
    assert issubclass(CLIPModel, dense_modules.Transformer)
    bench = bench_of(encoders.clip(tmp_path / "model"))
    facts = facts_of(bench)

    assert (facts["max_seq_length"], facts["encoder"]["architecture"]) == (32, "CLIPModel")
    assert facts["tokens"] == reaching(bench)


CODE = """
from sentence_transformers.sentence_transformer.modules import Pooling


class OwnPooling(Pooling):
    pass
"""


def test_code_of_the_model_runs_only_where_it_is_trusted(tmp_path: Path) -> None:
    directory = encoders.saved(tmp_path / "model", *encoders.pooled(tmp_path / "parts"))
    listed = json.loads((directory / "modules.json").read_text())
    listed[1]["type"] = "own_pooling.OwnPooling"
    (directory / "modules.json").write_text(json.dumps(listed))
    (directory / "own_pooling.py").write_text(CODE)

    with pytest.raises(ModelMissing) as caught:
        bench_of(directory).load()
    assert "--trust-remote-code" in caught.value.remedy
    encoder = facts_of(bench_of(directory, trusted=True))["encoder"]
    assert encoder["modules"] == ["Transformer", "OwnPooling"]
    assert (encoder["origin"], encoder["pooling"]) == ("saved", "mean")


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
