"""The header of GGUF files: as the reference library reads it, and what a context needs."""

from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFWriter

from nobs.errors import DataError
from nobs.providers.weights import find_weights
from nobs.tasks.llms.gguf import context_of, kv_bytes_per_token, read_header

LLAMA: dict[str, Any] = {
    "general.architecture": "llama", "llama.block_count": 30, "llama.attention.head_count": 9,
    "llama.attention.head_count_kv": 3, "llama.embedding_length": 576,
}  # fmt: skip


def test_the_header_is_what_the_reference_library_writes(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    writer = GGUFWriter(file, "llama")
    writer.add_block_count(30)
    writer.add_head_count_kv([3, 0, 3])
    writer.add_rope_freq_base(1e6)
    writer.add_token_list(["a", "\u00e4", ""])
    writer.add_add_bos_token(value=True)
    writer.add_uint64("some.uint64", 1 << 40)
    writer.add_int8("some.int8", -3)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()

    assert read_header(file) == {
        "general.architecture": "llama", "llama.block_count": 30,
        "llama.attention.head_count_kv": (3, 0, 3), "llama.rope.freq_base": 1e6,
        "tokenizer.ggml.tokens": ("a", "\u00e4", ""), "tokenizer.ggml.add_bos_token": True,
        "some.uint64": 1 << 40, "some.int8": -3,
    }  # fmt: skip


def test_the_shipped_model_has_30_layers_of_3_heads_of_64() -> None:
    header = read_header(find_weights())

    assert kv_bytes_per_token(header) == 30 * 3 * (64 + 64) * 2
    assert context_of(header) == 8192


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 30 * 3 * (64 + 64) * 2),
        ({"llama.attention.key_length": 128}, 30 * 3 * (128 + 64) * 2),
        ({"llama.attention.head_count_kv": (1, 2)}, 3 * (64 + 64) * 2),
        ({"llama.attention.sliding_window": 128}, None),
        ({"llama.attention.kv_lora_rank": 512}, None),
        ({"general.architecture": "other"}, None),
    ],
)
def test_only_a_cache_of_all_layers_and_tokens_is_estimated(
    changes: dict[str, Any], expected: int | None
) -> None:
    assert kv_bytes_per_token(LLAMA | changes) == expected


@pytest.mark.parametrize(
    "content", [b"", b"GGUF", b"PK\3\4" + bytes(40), b"GGUF\3\0\0\0" + b"\xff" * 40]
)
def test_another_file_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "some.gguf"
    file.write_bytes(content)

    with pytest.raises(DataError, match=r"some\.gguf isn't a GGUF file"):
        read_header(file)
