"""Names of LM Studio's models: keys, quantisations, numbered instances."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobs.errors import HostApiError
from nobs.providers import PROVIDERS
from nobs.providers.base import UnknownModel
from nobs.providers.lmstudio.names import Listed, find_targets, names_instance
from nobs.providers.lmstudio.state import Instance
from nobs.providers.lmstudio.targets import find_instance

QWEN = Listed.of(
    "qwen/qwen3-4b",
    {
        "variants": ["qwen/qwen3-4b@q4_k_m", "qwen/qwen3-4b@q8_0"],
        "selectedVariant": "qwen/qwen3-4b@q4_k_m",
    },
)
ON_DISK = [
    QWEN,
    Listed(key="lfm2-350m@bf16"),
    Listed(key="lfm2-350m@f16"),
    Listed(key="openai/gpt-oss-20b@mxfp4"),
    Listed.of("google/gemma-3-1b", {"quantization": {"name": "Q4_0"}}),
    Listed(key="text-embedding-nomic"),
    Listed(key="phi-4", path="lmstudio-community/Phi-4-GGUF/Phi-4-Q4_K_M.gguf"),
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("gpt-oss-20b", ["openai/gpt-oss-20b@mxfp4"]),
        ("openai/gpt-oss-20b", ["openai/gpt-oss-20b@mxfp4"]),
        ("gpt-oss-20b@mxfp4", ["openai/gpt-oss-20b@mxfp4"]),
        ("GPT-OSS-20B@MXFP4", ["openai/gpt-oss-20b@mxfp4"]),
        ("gpt-oss-20b@q8_0", []),
        ("lfm2-350m", ["lfm2-350m@bf16", "lfm2-350m@f16"]),
        ("lfm2-350m@f16", ["lfm2-350m@f16"]),
        ("lfm2", []),
        ("qwen3-4b", ["qwen/qwen3-4b"]),
        ("qwen/qwen3-4b@q8_0", ["qwen/qwen3-4b@q8_0"]),
        ("qwen3-4b@Q8_0", ["qwen/qwen3-4b@q8_0"]),
        ("qwen3-4b@q6_k", []),
        ("gemma-3-1b@q4_0", ["google/gemma-3-1b@q4_0"]),
        ("gemma-3-1b@q8_0", []),
        ("gemma-3-1b:2", []),
        ("lmstudio-community/Phi-4-GGUF", ["phi-4"]),
        ("lmstudio-community/phi-4-gguf/phi-4-q4_k_m.gguf", ["phi-4"]),
        ("lmstudio-community/Phi", []),
    ],
)
def test_a_name_means_what_is_on_disk(wanted: str, found: list[str]) -> None:
    assert [target.name for target in find_targets(wanted, ON_DISK)] == found


def test_only_the_selected_variant_loads_by_its_key() -> None:
    names = ("qwen3-4b", "qwen3-4b@q4_k_m", "qwen3-4b@q8_0", "gemma-3-1b@q4_0")
    targets = [find_targets(name, ON_DISK)[0] for name in names]

    assert [target.loads_by_key for target in targets] == [True, True, False, True]


def test_an_entry_of_the_server_is_read_like_one_of_lms() -> None:
    entry = {"variants": list(QWEN.variants), "selected_variant": QWEN.selected}

    assert Listed.of(QWEN.key, entry) == QWEN
    assert Listed.of("a", {"variants": "none", "quantization": None}) == Listed(key="a")


def test_an_ambiguous_name_is_answered_with_all_that_fit() -> None:
    ids = ["lfm2-350m@bf16", "lfm2-350m@f16", "lfm2-350m@f16:2", "other"]

    with pytest.raises(UnknownModel) as caught:
        PROVIDERS.load("lmstudio").choose("lfm2-350m", [{"id": name} for name in ids])

    assert caught.value.models == ("lfm2-350m@bf16", "lfm2-350m@f16")
    assert caught.value.is_ambiguous


LOADED = [
    Instance(identifier=name, key="openai/gpt-oss-20b", context_length=1, parallel=1, device=None)
    for name in ("openai/gpt-oss-20b", "openai/gpt-oss-20b:2", "mine")
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("gpt-oss-20b:2", "openai/gpt-oss-20b:2"),
        ("openai/gpt-oss-20b:2", "openai/gpt-oss-20b:2"),
        ("mine", "mine"),
    ],
)
def test_a_numbered_name_is_one_loaded_instance(wanted: str, found: str) -> None:
    instance = find_instance(wanted, LOADED, ON_DISK)

    assert instance is not None
    assert instance.identifier == found
    assert names_instance(wanted) is (wanted != "mine")


def test_a_number_that_is_not_loaded_is_refused() -> None:
    with pytest.raises(HostApiError, match=r"no loaded instance 'gpt-oss-20b:3'"):
        find_instance("gpt-oss-20b:3", LOADED, ON_DISK)


OWNERS = st.sampled_from(["", "qwen/", "lmstudio-community/"])
BASES = st.sampled_from(["qwen3-4b", "lfm2-350m", "gpt-oss-20b"])
QUANTIZATIONS = st.sampled_from(["q4_k_m", "q8_0", "f16", "4bit"])
KEYS = st.builds("{}{}@{}".format, OWNERS, BASES, QUANTIZATIONS)


@given(st.lists(KEYS, unique=True, max_size=6), BASES, QUANTIZATIONS)
def test_whatever_is_on_disk_is_found_by_its_name(
    keys: list[str], base: str, quantization: str
) -> None:
    models = [Listed(key=key) for key in keys]
    bare = [key.rpartition("/")[2] for key in keys]

    tagged = [target.name for target in find_targets(f"{base}@{quantization}", models)]
    untagged = [target.name for target in find_targets(base, models)]

    exact = [key for key in keys if key == f"{base}@{quantization}"]
    alike = [key for key, name in zip(keys, bare, strict=True) if name == f"{base}@{quantization}"]
    assert tagged == (exact or alike)
    assert untagged == [key for key in keys if key.rpartition("/")[2].startswith(f"{base}@")]
