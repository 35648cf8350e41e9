import re

import pytest

from nobs.catalog.devices import find_data_sheet, load_data_sheets


@pytest.mark.parametrize(
    ("name", "arithmetic", "flop_per_s"),
    [
        ("NVIDIA A100-SXM4-80GB", "tf32", 156e12),
        ("NVIDIA A100 80GB PCIe", "bfloat16", 312e12),
        ("NVIDIA H100 80GB HBM3", "float16", 989e12),
        ("NVIDIA H200", "float32", 67e12),
        ("NVIDIA GeForce RTX 4090", "float32", 82.6e12),
        ("Tesla T4", "bfloat16", None),
        ("AMD Instinct MI300X VF", "bfloat16", 1307e12),
    ],
)
def test_a_sheet_is_found_by_the_name_that_the_driver_gives(
    name: str, arithmetic: str, flop_per_s: float | None
) -> None:
    sheet = find_data_sheet(name)

    assert sheet is not None
    assert sheet.peak(arithmetic) == flop_per_s


@pytest.mark.parametrize(
    "name",
    [
        "NVIDIA GeForce RTX 4090 Laptop GPU",
        "NVIDIA GeForce RTX 4060 Ti",
        "NVIDIA H100 PCIe",
        "NVIDIA A1000",
        "x86_64",
        "NVIDIA A100-SXM4-80GB MIG 3g.40gb",
        "NVIDIA A100-SXM4-80GB MIG 1c.3g.40gb",
        "NVIDIA H100 80GB HBM3 MIG 1g.10gb",
        "GRID A100-10C",
        "NVIDIA A100-10C",
        "NVIDIA A100-4-20C",
        "NVIDIA A100-1-5CME",
        "GRID T4-16Q",
        "NVIDIA A100X-8Q",
    ],
)
def test_a_device_of_a_similar_name_has_no_sheet(name: str) -> None:
    assert find_data_sheet(name) is None


@pytest.mark.parametrize(
    ("name", "multiprocessors", "is_whole"),
    [
        ("AMD Instinct MI300X", 304, True),
        ("AMD Instinct MI300X", 38, False),
        ("NVIDIA A100-SXM4-80GB", 108, True),
        ("NVIDIA A100-SXM4-80GB", 42, False),
        ("NVIDIA H200", None, True),
    ],
)
def test_fewer_multiprocessors_than_the_whole_are_a_slice(
    name: str, multiprocessors: int | None, *, is_whole: bool
) -> None:
    assert (find_data_sheet(name, multiprocessors) is not None) is is_whole


def test_every_sheet_says_where_its_figures_are_from() -> None:
    sheets = load_data_sheets().values()

    assert sheets
    assert all(sheet.source and re.compile(sheet.names) for sheet in sheets)
