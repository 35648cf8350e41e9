"""The header of a GGUF file: what the memory of a context is estimated from.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from nobs.errors import DataError

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_NUMBERS: Mapping[int, str] = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
"""Formats of `struct` by the type of a value."""
_STRING, _ARRAY = 8, 9
_LONGEST = 1 << 20
"""Characters of a key or text; more is a damaged file."""
_OTHER_CACHES = (".sliding_window", ".kv_lora_rank", ".ssm.", ".wkv.")
"""In keys of models whose cache doesn't grow by keys and values of every layer."""
KV_BYTES = 2
"""Of one number in the cache: float16, unless the server is started with another type."""


def read_header(path: Path) -> dict[str, Any]:
    """Return the metadata by key, arrays as tuples; DataError if it isn't little-endian GGUF."""
    with path.open("rb") as file:
        try:
            count = _count(file)
            return {_text(file): _value(file, _number(file, "I")) for _ in range(count)}
        except (struct.error, ValueError, KeyError, UnicodeDecodeError) as error:
            raise DataError(
                f"{path.name} isn't a GGUF file that can be read: {error}.",
                "Download or install it again.",
            ) from error


def context_of(header: Mapping[str, Any]) -> int | None:
    """Return the tokens of context that the model was trained with."""
    found = header.get(f"{header.get('general.architecture')}.context_length")
    return found if isinstance(found, int) else None


def kv_bytes_per_token(header: Mapping[str, Any]) -> int | None:
    """Return the bytes of keys and values of one token in all layers, in float16.

    None where layers keep a window, a state or something compressed instead.
    """
    if any(part in key for key in header for part in _OTHER_CACHES):
        return None
    name = header.get("general.architecture")
    layers, heads, width = (
        header.get(f"{name}.{key}")
        for key in ("block_count", "attention.head_count", "embedding_length")
    )
    if not layers or not heads or not width:
        return None
    of_keys = header.get(f"{name}.attention.head_count_kv", heads)
    kv_heads = sum(of_keys) if isinstance(of_keys, tuple) else layers * of_keys
    each = width // (max(heads) if isinstance(heads, tuple) else heads)
    key = header.get(f"{name}.attention.key_length", each)
    value = header.get(f"{name}.attention.value_length", each)
    return int(kv_heads * (key + value) * KV_BYTES)


def _count(file: BinaryIO) -> int:
    """Return the number of keys; ValueError if it is no GGUF."""
    magic, version, _, count = struct.unpack("<4sIQQ", file.read(24))
    if magic != _MAGIC or version not in _VERSIONS:
        raise ValueError(f"it begins with {magic!r}, version {version}")
    return int(count)


def _number(file: BinaryIO, kind: str) -> Any:  # noqa: ANN401 - by its kind
    """Return one number in little-endian order."""
    (found,) = struct.unpack(f"<{kind}", file.read(struct.calcsize(f"<{kind}")))
    return found


def _text(file: BinaryIO) -> str:
    length = _number(file, "Q")
    if length > _LONGEST:
        raise ValueError(f"a text has {length:,} bytes")
    return str(file.read(length), "utf-8")


def _value(file: BinaryIO, kind: int) -> Any:  # noqa: ANN401 - whatever the file has
    if kind == _STRING:
        return _text(file)
    if kind != _ARRAY:
        return _number(file, _NUMBERS[kind])
    each, count = _number(file, "I"), _number(file, "Q")
    return tuple(_value(file, each) for _ in range(count))
