"""The formulas against torch's own counter, at the true sizes; weights live on the meta device.

The counter knows nothing of local windows: ModernBERT is compared with its windows opened, and the
window itself with arithmetic.
"""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    BertConfig,
    BertModel,
    ModernBertConfig,
    ModernBertModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from nobs.tasks.text_embeddings.flops import FlopModel, from_config, from_counts

pytestmark = pytest.mark.heavy

GTE_LARGE = BertConfig(
    hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096
)
MODERNBERT = ModernBertConfig(
    hidden_size=768, num_hidden_layers=22, num_attention_heads=12, intermediate_size=1152
)
LONG = 512
TOKENS = [128, *(pytest.param(count, marks=pytest.mark.long) for count in (16, LONG))]


def formula(config: BertConfig | ModernBertConfig | XLMRobertaConfig) -> FlopModel:
    found = from_config(config.to_dict())
    assert found is not None
    return found


OPEN_WINDOWS = replace(formula(MODERNBERT), window=LONG)


def count(model: torch.nn.Module, rows: int, tokens: int) -> int:
    inputs = torch.zeros(rows, tokens, dtype=torch.long, device="meta")
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(input_ids=inputs)
    return int(counter.get_total_flops())


def build(kind: type[torch.nn.Module], config: object) -> torch.nn.Module:
    with torch.device("meta"):
        return kind(config).eval()


@pytest.mark.parametrize("tokens", TOKENS)
@pytest.mark.parametrize(
    ("kind", "config"),
    [(BertModel, GTE_LARGE), (XLMRobertaModel, XLMRobertaConfig())],
    ids=["gte-large", "xlm-roberta"],
)
def test_bert_formula_is_what_torch_counts(
    kind: type[torch.nn.Module], config: BertConfig, tokens: int
) -> None:
    counted = count(build(kind, config), 2, tokens)

    assert formula(config).of_rows([tokens] * 2) == pytest.approx(counted, rel=0.01)


@pytest.mark.parametrize("tokens", TOKENS)
def test_modernbert_formula_with_open_windows_is_what_torch_counts(tokens: int) -> None:
    counted = count(build(ModernBertModel, MODERNBERT), 2, tokens)

    assert OPEN_WINDOWS.of_rows([tokens] * 2) == pytest.approx(counted, rel=0.01)


def test_windows_save_the_attention_beyond_them_in_local_layers() -> None:
    saved = OPEN_WINDOWS.of_row(LONG) - formula(MODERNBERT).of_row(LONG)

    assert saved == 4 * 768 * 14 * LONG * (LONG - 128)


@pytest.mark.parametrize(("tokens", "gte", "modern"), [(128, 0.617, 0.229), (512, 0.654, 0.239)])
def test_a_token_costs_what_the_literature_says(tokens: int, gte: float, modern: float) -> None:
    assert formula(GTE_LARGE).of_row(tokens) / tokens / 1e9 == pytest.approx(gte, abs=0.0006)
    assert formula(MODERNBERT).of_row(tokens) / tokens / 1e9 == pytest.approx(modern, abs=0.0015)


@pytest.mark.long
def test_three_counts_tell_the_cost_at_any_length() -> None:
    config = BertConfig(
        hidden_size=1024, num_hidden_layers=2, num_attention_heads=16, intermediate_size=4096
    )
    model = build(BertModel, config)
    fitted = from_counts({tokens: float(count(model, 1, tokens)) for tokens in (16, 32, 64)})

    assert fitted.of_row(LONG) == pytest.approx(count(model, 1, LONG), rel=1e-6)


def test_an_unknown_kind_has_no_formula() -> None:
    assert from_config({"model_type": "mamba"}) is None
