"""The pages of the documentation, and the targets of the Makefile."""

import re
from itertools import chain
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
DOCS = REPO / "docs"
PAGES = sorted([*REPO.glob("*.md"), *DOCS.rglob("*.md")])
VARIABLE = re.compile(r"\b(?:NOBS|HF|LLM|DOCKER|XDG|PYENV)_[A-Z_]+[A-Z]\b")


def make_targets() -> set[str]:
    text = (REPO / "Makefile").read_text(encoding="utf-8")
    rules = re.findall(r"^([a-z][a-z -]*):(?!=)", text, flags=re.MULTILINE)
    return set(chain.from_iterable(rule.split() for rule in rules))
