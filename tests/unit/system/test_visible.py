"""Variables that choose devices, as NVIDIA's and AMD's documentation have them."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobs.schema.enums import Backend
from nobs.system.gpus import Accelerators, AmdGpu, NvidiaGpu
from tests.fakes.gpus import amd_gpu, nvidia_gpu

A, B, C = (f"GPU-{letter * 8}-2222-3333-4444-555555555555" for letter in "abc")


def card(index: int, name: str, memory_gb: float, capability: tuple[int, int]) -> NvidiaGpu:
    gpu = nvidia_gpu(index, memory_gb=memory_gb, capability=capability)
    return replace(gpu, name=name, uuid=(A, B, C)[index])


RTX3060 = card(0, "NVIDIA GeForce RTX 3060", 12.0, (8, 6))
RTX4090 = card(1, "NVIDIA GeForce RTX 4090", 23.99, (8, 9))
RTX2080 = card(2, "NVIDIA GeForce RTX 2080", 8.0, (7, 5))
THREE = (RTX3060, RTX4090, RTX2080)
FASTEST = ["4090", "3060", "2080"]


def cuda(variables: Mapping[str, str], *gpus: NvidiaGpu) -> list[str]:
    """The last words of the names that CUDA shows."""
    seen = Accelerators(nvidia=gpus or THREE, variables=variables).cuda()
    return [gpu.name.rpartition(" ")[2] for gpu in seen]


@pytest.mark.parametrize(
    ("value", "order", "seen"),
    [
        (None, None, FASTEST),
        (None, "FASTEST_FIRST", FASTEST),
        (None, "PCI_BUS_ID", ["3060", "4090", "2080"]),
        ("0", None, ["4090"]),
        ("1", None, ["3060"]),
        ("1", "PCI_BUS_ID", ["4090"]),
        ("2,0", None, ["2080", "4090"]),
        (" 1 , 2", None, ["3060", "2080"]),
        ("0,2,-1,1", None, ["4090", "2080"]),
        ("0,9,1", None, ["4090"]),
        ("0,one,1", None, ["4090"]),
        (A, None, ["3060"]),
        (A, "PCI_BUS_ID", ["3060"]),
        ("GPU-bbb", None, ["4090"]),
        (f"{C},{A}", None, ["2080", "3060"]),
        (f"{C},GPU-dead,{A}", None, ["2080"]),
        (f"{A},0", None, ["3060", "4090"]),
        ("GPU-", None, []),
        ("0,0", None, []),
        (f"{A},{A}", None, []),
        ("", None, []),
        ("-1", None, []),
        ("3", None, []),
        ("NoDevFiles", None, []),
    ],
)
def test_cuda_shows_what_its_variables_choose(
    value: str | None, order: str | None, seen: list[str]
) -> None:
    told = {"CUDA_VISIBLE_DEVICES": value, "CUDA_DEVICE_ORDER": order}

    assert cuda({name: text for name, text in told.items() if text is not None}) == seen


@pytest.mark.parametrize(
    ("slower", "faster"),
    [
        (("NVIDIA T400 4GB", 4.0, (7, 5)), ("Tesla V100-PCIE-32GB", 32.0, (7, 0))),
        (("NVIDIA GeForce RTX 3060", 12.0, (8, 6)), ("NVIDIA GeForce RTX 4060", 8.0, (8, 9))),
        (("NVIDIA GeForce RTX 4070", 12.0, (8, 9)), ("NVIDIA GeForce RTX 3090", 24.0, (8, 6))),
        (("NVIDIA GeForce RTX 3090", 24.0, (8, 6)), ("NVIDIA GeForce RTX 4080", 16.0, (8, 9))),
        (("Tesla P40", 24.0, (6, 1)), ("NVIDIA GeForce RTX 3060", 12.0, (8, 6))),
        (("Tesla T4", 15.0, (7, 5)), ("Tesla V100-SXM2-16GB", 16.0, (7, 0))),
        (("NVIDIA DGX Display", 4.0, (8, 6)), ("NVIDIA A100-SXM4-80GB", 80.0, (8, 0))),
        (("NVIDIA GeForce GT 1030", 2.0, (6, 1)), ("NVIDIA GeForce RTX 5090", 31.8, (12, 0))),
    ],
)
def test_the_faster_card_is_taken_for_the_first(
    slower: tuple[str, float, tuple[int, int]], faster: tuple[str, float, tuple[int, int]]
) -> None:
    machine = Accelerators(nvidia=(card(0, *slower), card(1, *faster)))

    assert [gpu.name for gpu in machine.cuda()] == [faster[0], slower[0]]


@given(
    st.lists(st.integers(-2, 4) | st.sampled_from([A, B, C, "x", ""]), min_size=1, max_size=4),
    st.booleans(),
)
def test_a_list_shows_a_beginning_of_what_it_names(entries: list[int | str], by_bus: bool) -> None:
    variables = {"CUDA_VISIBLE_DEVICES": ",".join(map(str, entries))}
    variables |= {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} if by_bus else {}
    order = THREE if by_bus else (RTX4090, RTX3060, RTX2080)
    meant: list[NvidiaGpu] = []
    for entry in entries:
        by_uuid = next((gpu for gpu in THREE if gpu.uuid == entry), None)
        by_index = order[entry] if isinstance(entry, int) and 0 <= entry < len(order) else None
        if (gpu := by_uuid or by_index) is None:
            break
        meant.append(gpu)
    expected = meant if len(set(meant)) == len(meant) else []

    machine = Accelerators(nvidia=THREE, variables=variables)

    assert list(machine.cuda()) == expected
    assert machine.primary(Backend.CUDA) == next(iter(expected), None)


def test_equal_cards_keep_the_order_of_the_bus() -> None:
    twins = tuple(replace(gpu, name="NVIDIA L4") for gpu in (nvidia_gpu(0), nvidia_gpu(1)))
    machine = Accelerators(nvidia=twins, variables={"CUDA_VISIBLE_DEVICES": "1"})

    assert [gpu.index for gpu in machine.cuda()] == [1]
    assert not machine.is_guess


@pytest.mark.parametrize(
    ("variables", "is_guess"),
    [
        ({}, True),
        ({"CUDA_VISIBLE_DEVICES": "1"}, True),
        ({"CUDA_VISIBLE_DEVICES": A}, False),
        ({"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"}, False),
    ],
)
def test_the_order_of_different_cards_is_cuda_s_secret(
    variables: Mapping[str, str],
    is_guess: bool,
) -> None:
    assert Accelerators(nvidia=THREE, variables=variables).is_guess is is_guess


def divided(index: int, *slices: str) -> NvidiaGpu:
    whole = card(index, "NVIDIA A100-SXM4-80GB", 80.0, (8, 0))
    pieces = tuple(
        replace(whole, name=f"{whole.name} MIG {name}", uuid=f"MIG-{index}{number}")
        for number, name in enumerate(slices)
    )
    return replace(whole, slices=pieces)


@pytest.mark.parametrize(
    ("variables", "seen"),
    [
        ({}, ["3g.40gb"]),
        ({"CUDA_VISIBLE_DEVICES": "0"}, ["3g.40gb"]),
        ({"CUDA_VISIBLE_DEVICES": "MIG-01"}, ["1g.10gb"]),
        ({"CUDA_VISIBLE_DEVICES": A}, ["3g.40gb"]),
        ({"CUDA_VISIBLE_DEVICES": B}, ["4090"]),
        ({"CUDA_VISIBLE_DEVICES": ""}, []),
        ({"CUDA_VISIBLE_DEVICES": "MIG-99"}, []),
    ],
)
def test_of_mig_instances_a_program_sees_one(variables: Mapping[str, str], seen: list[str]) -> None:
    assert cuda(variables, divided(0, "3g.40gb", "1g.10gb"), RTX4090) == seen


def radeon(node: int, gfx: str = "gfx1100") -> AmdGpu:
    return replace(amd_gpu(gfx), node=node, uuid=f"GPU-{node:016x}")


@pytest.mark.parametrize(
    ("variables", "nodes"),
    [
        ({}, [1, 2, 3]),
        ({"HIP_VISIBLE_DEVICES": "2,0"}, [3, 1]),
        ({"CUDA_VISIBLE_DEVICES": "1"}, [2]),
        ({"HIP_VISIBLE_DEVICES": "0", "CUDA_VISIBLE_DEVICES": "1"}, [1]),
        ({"ROCR_VISIBLE_DEVICES": "1,2"}, [2, 3]),
        ({"ROCR_VISIBLE_DEVICES": "1,2", "HIP_VISIBLE_DEVICES": "1"}, [3]),
        ({"ROCR_VISIBLE_DEVICES": "2", "CUDA_VISIBLE_DEVICES": "1"}, []),
        ({"ROCR_VISIBLE_DEVICES": "0,GPU-0000000000000003"}, [1, 3]),
        ({"ROCR_VISIBLE_DEVICES": ""}, []),
        ({"HIP_VISIBLE_DEVICES": "-1"}, []),
        ({"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, [1, 2, 3]),
    ],
)
def test_hip_counts_among_what_rocr_shows(variables: Mapping[str, str], nodes: list[int]) -> None:
    machine = Accelerators(amd=(radeon(1), radeon(2), radeon(3)), variables=variables)

    assert [gpu.node for gpu in machine.hip()] == nodes
