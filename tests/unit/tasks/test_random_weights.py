"""Seeded weights: the same everywhere, finite in every dtype, and refused where they don't fit."""

import re
from typing import Any

import psutil
import pytest
import torch
from torch import nn

from nobs.catalog import load_catalog
from nobs.errors import ModelMissing, NobsError, RequirementError
from nobs.schema.enums import Dtype
from nobs.schema.pins import ModelPin, RandomWeights, Source
from nobs.tasks.random_weights import check_memory, check_parameters, initialise

pytestmark = pytest.mark.heavy

GTE = "thenlper/gte-large"


def pin(name: str = GTE) -> ModelPin:
    weights = RandomWeights(seed=1, architecture=load_catalog().architectures.get(name))
    return ModelPin(id=name, source=Source.RANDOM, random=weights)


def filled(seed: int, dtype: torch.dtype = torch.float32) -> nn.Sequential:
    module = nn.Sequential(
        nn.Conv2d(3, 64, 3), nn.GroupNorm(8, 64), nn.Flatten(), nn.Linear(64 * 36, 9)
    ).to(dtype)
    initialise(module, seed)
    return module


def weights_of(module: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def test_a_seed_gives_the_same_weights_whatever_was_there_before() -> None:
    assert torch.equal(weights_of(filled(3)), weights_of(filled(3)))
    assert not torch.equal(weights_of(filled(3)), weights_of(filled(4)))


def test_layers_of_one_shape_differ() -> None:
    one, two = nn.Linear(8, 8), nn.Linear(8, 8)
    initialise(nn.Sequential(one, two), 1)

    assert not torch.equal(one.weight, two.weight)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_shorter_dtypes_hold_the_rounded_weights(dtype: torch.dtype) -> None:
    assert torch.equal(weights_of(filled(3, dtype)), weights_of(filled(3)).to(dtype))


def test_a_layer_keeps_the_size_of_its_input() -> None:
    layer = nn.Linear(1024, 1024)
    initialise(layer, 1)

    with torch.no_grad():
        out = layer(torch.randn(64, 1024, generator=torch.Generator().manual_seed(0)))
    assert float(out.std()) == pytest.approx(3**-0.5, rel=0.05)
    assert set(layer.bias.tolist()) == {0.0}


def test_norms_are_neutral_and_tables_small() -> None:
    norm, table = nn.LayerNorm(8), nn.Embedding(1000, 64)
    initialise(nn.ModuleList([norm, table]), 1)

    assert set(norm.weight.tolist()) == {1.0}
    assert set(norm.bias.tolist()) == {0.0}
    assert float(table.weight.detach().std()) == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize(
    ("dtype", "size"), [(Dtype.FLOAT32, "1.2 GiB"), (Dtype.BFLOAT16, "639.2 MiB")]
)
def test_too_little_memory_is_refused_with_both_sizes(
    monkeypatch: pytest.MonkeyPatch, dtype: Dtype, size: str
) -> None:
    memory = psutil.virtual_memory()._replace(available=100 << 20)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)

    with pytest.raises(RequirementError) as caught:
        check_memory(pin(), dtype, "cpu")
    assert caught.value.message == (
        f"The random weights of {GTE} take {size} in {dtype}; 100.0 MiB of memory are free."
    )


def test_the_limit_of_a_container_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nobs.system.host.memory_left_bytes", lambda: -4096)

    with pytest.raises(RequirementError, match=re.escape("0 B of memory are free")):
        check_memory(pin(), Dtype.FLOAT32, "cpu")


def test_too_little_device_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: tuple[Any, ...] = (1 << 30, 8 << 30)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: sizes)

    check_memory(pin(), Dtype.FLOAT16, "cuda")
    with pytest.raises(RequirementError, match=r"1\.0 GiB of device memory are free"):
        check_memory(pin(), Dtype.FLOAT32, "cuda")


def test_another_number_of_weights_is_refused() -> None:
    with pytest.raises(NobsError, match="built with 72 weights; the catalogue describes 335141888"):
        check_parameters(pin(), [nn.Linear(8, 8)])


def test_a_model_without_architecture_says_what_to_do() -> None:
    with pytest.raises(ModelMissing, match="doesn't describe the architecture of owner/other"):
        check_memory(pin("owner/other"), Dtype.FLOAT32, "cpu")
