"""Templates of generated pages: prose with the names of generated parts in double braces."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

_PART = re.compile(r"\{\{ (\w+) \}\}")


def fill(name: str, parts: Mapping[str, str]) -> str:
    """Return a template with its parts in their places; KeyError for an unknown part."""
    template = Path(__file__).with_name(f"{name}.md").read_text(encoding="utf-8")
    return _PART.sub(lambda found: parts[found[1]].strip(), template)


def table(columns: str, rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown; `columns` has their names with bars between them."""
    names = columns.split("|")
    lines = [names, ["---"] * len(names), *([_escape(cell) for cell in row] for row in rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|")
