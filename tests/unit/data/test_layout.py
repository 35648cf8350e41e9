"""Model directories that hold something else than one vector per text, or not all of a model."""

import json
from pathlib import Path
from typing import Any

import pytest

from nobs.data.models import open_model
from nobs.data.weights import is_complete
from nobs.errors import ModelMissing, OtherModel
from nobs.schema.pins import ModelPin, Source
from tests.fakes.weights import safetensors

OWN = "sentence_transformers.models."
NEW = "sentence_transformers.sentence_transformer.modules."
SPARSE = "sentence_transformers.sparse_encoder."


def write(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def write_modules(directory: Path, *modules: tuple[str, str]) -> None:
    listed = [{"idx": 0, "name": "0", "path": path, "type": kind} for kind, path in modules]
    write(directory / "modules.json", listed)


def write_transformer(folder: Path, **config: Any) -> None:
    write(folder / "config.json", config)
    write(folder / "tokenizer.json", {})
    (folder / "model.safetensors").write_bytes(safetensors(b"1"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A transformer with mean pooling, as sentence-transformers saves it."""
    write_transformer(tmp_path)
    write(tmp_path / "1_Pooling" / "config.json", {})
    write_modules(tmp_path, (f"{OWN}Transformer", ""), (f"{OWN}Pooling", "1_Pooling"))
    return tmp_path


def open_path(directory: Path) -> list[str]:
    pin = ModelPin(id=str(directory), source=Source.PATH)
    return list(open_model(pin).weights.files)


def refusal(directory: Path) -> str:
    with pytest.raises((OtherModel, ModelMissing)) as caught:
        open_path(directory)
    assert caught.value.remedy
    return caught.value.message


@pytest.mark.parametrize(
    ("model_type", "kind"),
    [
        ("SparseEncoder", "sparse encoder"),
        ("CrossEncoder", "cross encoder"),
        ("MultiVectorEncoder", "multi-vector encoder"),
        ("ColBERT", "multi-vector encoder"),
    ],
)
@pytest.mark.parametrize("is_listed", [True, False])
def test_a_model_that_says_that_it_is_another_kind_is_refused(
    model: Path, model_type: str, kind: str, is_listed: bool
) -> None:
    write(model / "config_sentence_transformers.json", {"model_type": model_type})
    if not is_listed:
        (model / "modules.json").unlink()

    assert kind in refusal(model)


@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        (f"{SPARSE}models.SpladePooling", "sparse"),
        (f"{SPARSE}models.MLMTransformer", "sparse"),
        (f"{SPARSE}modules.sparse_auto_encoder.SparseAutoEncoder", "sparse"),
        (f"{SPARSE}modules.sparse_static_embedding.SparseStaticEmbedding", "sparse"),
        ("sentence_transformers.cross_encoder.modules.logit_score.LogitScore", "cross encoder"),
        ("sentence_transformers.multi_vector_encoder.modules.MultiVectorMask", "multi-vector"),
        ("pylate.models.Dense.Dense", "multi-vector"),
    ],
)
@pytest.mark.parametrize("is_routed", [True, False])
def test_a_module_of_another_kind_is_refused(
    model: Path, reference: str, kind: str, is_routed: bool
) -> None:
    if is_routed:
        write_modules(model, (f"{OWN}Router", "0_Router"))
        write(model / "0_Router" / "router_config.json", {"types": {"query_0_X": reference}})
    else:
        write_modules(model, (f"{OWN}Transformer", ""), (reference, "1_X"))

    assert kind in refusal(model)


@pytest.mark.parametrize("task", ["fill-mask", "sequence-classification", "retrieval"])
def test_a_transformer_that_computes_something_else_is_refused(model: Path, task: str) -> None:
    write(model / "sentence_bert_config.json", {"transformer_task": task})

    assert "one dense vector per text" in refusal(model)


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [
        ("BertForSequenceClassification", "cross encoder"),
        ("Qwen3ForSequenceClassification", "cross encoder"),
        ("BertForTokenClassification", "classifier of tokens"),
        ("RobertaForQuestionAnswering", "extractive reader"),
        ("HF_ColBERT", "multi-vector"),
        ("ColPaliForRetrieval", "multi-vector"),
    ],
)
def test_a_head_that_is_the_model_is_refused_unless_modules_are_listed(
    model: Path, architecture: str, kind: str
) -> None:
    write_transformer(model, architectures=[architecture])
    assert open_path(model) == ["model.safetensors"]

    (model / "modules.json").unlink()
    assert architecture in refusal(model)
    assert kind in refusal(model)


@pytest.mark.parametrize("architecture", ["BertModel", "BertForMaskedLM", "Qwen3ForCausalLM"])
def test_pretraining_heads_may_be_left_out(model: Path, architecture: str) -> None:
    write_transformer(model, architectures=[architecture])
    (model / "modules.json").unlink()

    assert open_path(model) == ["model.safetensors"]


@pytest.mark.parametrize("folder", ["", "0_Transformer"])
@pytest.mark.parametrize("has_base", [True, False])
def test_an_adapter_is_refused_with_its_base(model: Path, folder: str, has_base: bool) -> None:
    write_transformer(model / folder)
    write_modules(model, (f"{OWN}Transformer", folder))
    adapter = {"peft_type": "LORA", "base_model_name_or_path": "someone/base"}
    write(model / folder / "adapter_config.json", adapter)
    if not has_base:
        weights = model / folder / "model.safetensors"
        weights.rename(weights.with_name("adapter_model.safetensors"))
        (model / folder / "config.json").unlink()

    assert "PEFT adapter (LORA) of someone/base" in refusal(model)


def test_an_adapter_that_no_module_reads_is_left_alone(model: Path) -> None:
    write(model / "adapters" / "adapter_config.json", {})

    assert open_path(model) == ["model.safetensors"]


def test_a_bag_of_words_has_nothing_to_measure(model: Path) -> None:
    write_modules(model, (f"{OWN}BoW", "0_BoW"), (f"{OWN}Normalize", "1_Normalize"))

    assert "no weights: its modules are BoW, Normalize" in refusal(model)


def test_model2vec_without_modules_is_named(model: Path) -> None:
    write_transformer(model, model_type="model2vec", architectures=["StaticModel"])
    (model / "modules.json").unlink()

    assert "model2vec without modules.json" in refusal(model)


@pytest.mark.parametrize(
    "content",
    ["", "nope", "[]", "{}", '["a"]', '[{"path": ""}]', '[{"type": 1, "path": ""}]',
     '[{"type": "a.B", "path": "../.."}]', '[{"type": "a.B", "path": "/etc"}]',
     '[{"type": "sentence_transformers.models.Router", "path": "absent"}]'],
)  # fmt: skip
def test_a_list_of_modules_that_cannot_be_read_is_no_crash(model: Path, content: str) -> None:
    (model / "modules.json").write_text(content)

    assert "list of modules" in refusal(model)
    assert not is_complete(model)


@pytest.mark.parametrize("reference", [OWN, NEW, f"{NEW}static_embedding."])
def test_modules_are_found_in_their_folders(tmp_path: Path, reference: str) -> None:
    write(tmp_path / "0_StaticEmbedding" / "tokenizer.json", {})
    (tmp_path / "0_StaticEmbedding" / "model.safetensors").write_bytes(safetensors(b"1"))
    write_modules(tmp_path, (f"{reference}StaticEmbedding", "0_StaticEmbedding"))

    assert open_path(tmp_path) == ["0_StaticEmbedding/model.safetensors"]
    assert is_complete(tmp_path)


@pytest.mark.parametrize("name", ["router_config.json", "config.json"])
def test_routes_are_modules_too(tmp_path: Path, name: str) -> None:
    types = {"query_0_T": f"{OWN}Transformer", "document_0_T": f"{OWN}Transformer"}
    write_modules(tmp_path, (f"{OWN}Asym", ""))
    write(tmp_path / name, {"types": types})
    for folder in types:
        write_transformer(tmp_path / folder)

    assert open_path(tmp_path) == [f"{folder}/model.safetensors" for folder in sorted(types)]
    (tmp_path / "document_0_T" / "model.safetensors").unlink()
    assert "document_0_T/model.safetensors" in refusal(tmp_path)
    assert not is_complete(tmp_path)


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("config.json", "no config.json"),
        ("tokenizer.json", "no tokenizer"),
        ("1_Pooling/config.json", "no 1_Pooling/config.json"),
        ("2_Dense/config.json", "no 2_Dense/config.json"),
        ("2_Dense/model.safetensors", "no 2_Dense/model.safetensors"),
        ("model.safetensors", "no model.safetensors"),
    ],
)
def test_a_download_without_one_file_is_incomplete(model: Path, file: str, named: str) -> None:
    write(model / "2_Dense" / "config.json", {})
    (model / "2_Dense" / "model.safetensors").write_bytes(safetensors(b"1"))
    listed = {"Transformer": "", "Pooling": "1_Pooling", "Dense": "2_Dense"}
    write_modules(model, *((OWN + kind, path) for kind, path in listed.items()))
    assert is_complete(model)

    (model / file).unlink()
    assert named in refusal(model)
    assert not is_complete(model)


@pytest.mark.parametrize("name", ["vocab.txt", "spiece.model", "sentencepiece.bpe.model",
                                  "vocab.json", "qwen.tiktoken"])  # fmt: skip
def test_tokenizers_have_many_names(model: Path, name: str) -> None:
    (model / "tokenizer.json").rename(model / name)

    assert open_path(model) == ["model.safetensors"]


@pytest.mark.parametrize(
    ("tokenizer", "is_enough"), [("ByT5Tokenizer", True), ("BertTokenizer", False)]
)
def test_only_tokenizers_of_bytes_need_no_vocabulary(
    model: Path, tokenizer: str, is_enough: bool
) -> None:
    """transformers makes a tokenizer up that knows no word: every text is a row of [UNK]."""
    (model / "tokenizer.json").unlink()
    write(model / "tokenizer_config.json", {"tokenizer_class": tokenizer})

    if is_enough:
        assert open_path(model) == ["model.safetensors"]
    else:
        assert "no tokenizer" in refusal(model)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("model-q4.gguf", "GGUF"), ("onnx/model.onnx", "ONNX"), ("pytorch_model.bin", "pickled"),
     ("openvino/openvino_model.xml", "OpenVINO"), ("tf_model.h5", "TensorFlow")],
)  # fmt: skip
@pytest.mark.parametrize("is_bare", [True, False])
def test_other_formats_are_named(model: Path, name: str, kind: str, is_bare: bool) -> None:
    (model / name).parent.mkdir(exist_ok=True)
    (model / "model.safetensors").rename(model / name)
    for file in ("modules.json", "config.json", "tokenizer.json") if is_bare else ():
        (model / file).unlink()

    assert f"no safetensors weights in {model}, only {kind} ({name})" in refusal(model)


def test_weights_that_no_module_reads_are_no_evidence(model: Path) -> None:
    (model / "checkpoint-500").mkdir()
    (model / "checkpoint-500" / "model.safetensors").write_bytes(b"cut short")

    assert open_path(model) == ["model.safetensors"]


def test_code_of_its_own_may_read_weights_below(model: Path) -> None:
    (model / "adapters").mkdir()
    (model / "adapters" / "task.safetensors").write_bytes(safetensors(b"2"))
    write_modules(model, ("custom_code.Transformer", ""))

    assert open_path(model) == ["adapters/task.safetensors", "model.safetensors"]
