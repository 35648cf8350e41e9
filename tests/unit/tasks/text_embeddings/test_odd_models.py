"""Models that are not quite what their directory says: guesses, conversions, routes, limits."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sentence_transformers.sentence_transformer import modules as dense_modules
from sentence_transformers.sentence_transformer.modules import CLIPModel, Router
from transformers import BertForMaskedLM

from nobs.errors import ModelMissing, OtherModel
from nobs.tasks.text_embeddings.chain import encode
from nobs.tasks.text_embeddings.loading import layer_bytes
from tests.fakes import encoders
from tests.fakes.benches import ROWS, bench_of, facts_of, reaching

pytestmark = pytest.mark.heavy


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


def test_a_model_of_an_unknown_type_is_converted(tmp_path: Path) -> None:
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
    with pytest.raises(OtherModel, match="no route for documents and no default route, only a, b"):
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

    with pytest.raises(OtherModel, match=r"\(Transformer\) can't embed a text"):
        bench.warm_up()


def test_weights_of_other_shapes_than_the_configuration_s_are_refused(tmp_path: Path) -> None:
    directory = encoders.saved(tmp_path / "model", *encoders.pooled(tmp_path / "parts"))
    file = directory / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"vocab_size": 5000}))

    with pytest.raises(ModelMissing, match=r"don't match its config\.json"):
        bench_of(directory).load()


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
