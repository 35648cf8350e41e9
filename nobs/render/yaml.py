"""Plain values as YAML, for files that people read and change."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
# Words that some reader of YAML takes for another type than text.
_RESERVED = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def to_yaml(value: Mapping[str, object]) -> str:
    """Return `value` in block style: mappings, sequences, text, numbers and booleans."""
    return "\n".join(_block(value)) + "\n"


def _block(value: object) -> Iterator[str]:
    match value:
        case Mapping() if value:
            for key, each in value.items():
                yield from _entry(f"{_scalar(key)}:", each)
        case Sequence() if value and not isinstance(value, str):
            for each in value:
                first, *rest = _block(each)
                yield f"- {first}"
                yield from (f"  {line}" if line else "" for line in rest)
        case str() if _is_literal(value):
            # "-" keeps the text without the newline at its end.
            yield "|" if value.endswith("\n") else "|-"
            yield from value.removesuffix("\n").split("\n")
        case _:
            yield _scalar(value)


def _entry(key: str, value: object) -> Iterator[str]:
    first, *rest = _block(value)
    if isinstance(value, Mapping | Sequence) and value and not isinstance(value, str):
        yield key
        rest = [first, *rest]
    else:
        yield f"{key} {first}"
    yield from (f"  {line}" if line else "" for line in rest)


def _is_literal(text: str) -> bool:
    """Whether the text can stand as lines that are read back unchanged."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 2 or not lines[-1] or not lines[0] or lines[0][0] == " ":
        return False
    return text.isascii() and all(line.isprintable() for line in lines)


def _scalar(value: object) -> str:
    """Return text without quotes where no reader can mistake it; the rest as JSON does."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    return json.dumps(value)
