"""Count the tokens of rows by the tokenizer and verify them against the model's input."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sentence_transformers import SentenceTransformer
from transformers import PreTrainedTokenizerBase

from nobs.tasks.text_embeddings.chain import input_of, preprocess, prompt_of


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Tokens of each row in the model's input."""

    lengths: list[int]
    truncated: int | None
    """Rows that were truncated; None if their full length is unknown."""


def count_tokens(
    model: SentenceTransformer, rows: Sequence[str], limit: int | None
) -> Tokens | None:
    """Return the tokens of `rows`, truncated at `limit`; None for a model without tokens."""
    texts = list(dict.fromkeys(rows))
    whole = _tokenise(model, [prompt_of(model) + text for text in texts])
    if whole is not None:
        cut = [min(tokens, limit or tokens) for tokens in whole]
        if _are_right(model, texts, cut):
            lengths = dict(zip(texts, zip(cut, whole, strict=True), strict=True))
            found = [lengths[row] for row in rows]
            return Tokens(
                lengths=[tokens for tokens, _ in found],
                truncated=sum(tokens < uncut for tokens, uncut in found),
            )
    return _count_features(model, rows, texts)


def _tokenise(model: SentenceTransformer, texts: list[str]) -> list[int] | None:
    """Return the tokens before truncation; None for an unknown tokenizer."""
    tokenizer: Any = getattr(input_of(model), "tokenizer", None)
    if isinstance(tokenizer, PreTrainedTokenizerBase):
        encoded = tokenizer(texts, truncation=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]
    if hasattr(tokenizer, "encode_batch"):  # a Tokenizer of the package tokenizers
        encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
        return [sum(len(part.ids) for part in (e, *e.overflowing)) for e in encodings]
    if hasattr(tokenizer, "tokenize"):
        return [len(tokenizer.tokenize(text)) for text in texts]
    return None


def _are_right(model: SentenceTransformer, texts: list[str], lengths: list[int]) -> bool:
    """Compare the counts of the longest and the shortest text with the model's input."""
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    return all(_reaching(model, texts[row]) == lengths[row] for row in (order[0], order[-1]))


def _count_features(
    model: SentenceTransformer, rows: Sequence[str], texts: list[str]
) -> Tokens | None:
    """Preprocess text by text: the model's template or code may add or remove tokens."""
    counts = {text: _reaching(model, text) for text in texts}
    lengths = [counts[row] for row in rows]
    known = [tokens for tokens in lengths if tokens is not None]
    return Tokens(lengths=known, truncated=None) if len(known) == len(lengths) else None


def _reaching(model: SentenceTransformer, text: str) -> int | None:
    features: dict[str, Any] = preprocess(model, [text])
    for name in ("sentence_lengths", "attention_mask"):
        if features.get(name) is not None:
            return int(features[name].sum())
    ids = features.get("input_ids")
    return None if ids is None else int(ids.numel())
