"""What NOBS knows about a task is in the task's folder: nothing else names one or its classes."""

import re
from functools import cache
from pathlib import Path

import pytest

from nobs.tasks import TASKS

NOBS = Path(__file__).resolve().parents[2] / "nobs"
OWN = {"tasks", "catalog"}
SUFFIXES = {".py", ".js", ".html", ".css"}
FOREIGN = {"providers/lmstudio/identity.py"}
"""LM Studio calls a type of its models so, too."""
FILES = sorted(
    path
    for path in NOBS.rglob("*")
    if path.suffix in SUFFIXES and not {*path.relative_to(NOBS).parts} & {*OWN, "vendor"}
)


@cache
def names() -> re.Pattern[str]:
    """Return what matches the name of a task, or of a class of its parameters or reports."""
    found = {*TASKS}
    for definition in map(TASKS.load, TASKS):
        found |= {kind.__name__ for kind in (*definition.params.values(), definition.report_type)}
    return re.compile(rf"(?<![\w-])({'|'.join(found)})(?!\w)")


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(NOBS)))
def test_a_file_outside_its_folder_names_no_task(file: Path) -> None:
    if file.relative_to(NOBS).as_posix() in FOREIGN:
        pytest.skip("named in this test")
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)

    assert [f"{number}: {line.strip()}" for number, line in lines if names().search(line)] == []
