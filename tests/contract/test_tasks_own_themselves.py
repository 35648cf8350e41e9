"""What NOBS knows about a task is in the task's folder: nothing else names one or its classes."""

import re
from functools import cache
from pathlib import Path

from nobs.tasks import TASKS

NOBS = Path(__file__).resolve().parents[2] / "nobs"
OWN = {"tasks", "catalog"}
SUFFIXES = {".py", ".js", ".html", ".css"}
FOREIGN = {"providers/lmstudio/identity.py", "providers/embed.py"}
"""LM Studio calls a type of its models so, too, and the OpenAI API one of its routes."""
VISION = re.compile(r"projector|mmproj|(?<![a-z])vision|coco|thumbnail", re.IGNORECASE)
KNOW_OF_VISION = {
    # The model of `--profile quick` has a projector, which NOBS pins, checks and serves ...
    "schema/pins.py", "providers/weights.py", "providers/embedded.py", "providers/llamacpp.py",
    "providers/llamacpp_cold.py", "providers/llamacpp_server.py",
    # ... and a report names it, and says whether a server's model takes images.
    "schema/server.py", "providers/lmstudio/identity.py", "providers/ollama.py",
    # LM Studio keeps it beside the weights, whose files are dropped before a cold start.
    "providers/lmstudio/cold.py",
}  # fmt: skip
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


def test_files_outside_its_folder_name_no_task() -> None:
    assert [line for file in FILES for line in lines_with_names(file)] == []


def test_only_servers_and_their_records_know_of_vision() -> None:
    found = {
        file.relative_to(NOBS).as_posix()
        for file in FILES
        if VISION.search(file.read_text(encoding="utf-8"))
    }

    assert found == KNOW_OF_VISION


def lines_with_names(file: Path) -> list[str]:
    name = file.relative_to(NOBS).as_posix()
    if name in FOREIGN:
        return []
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
    return [f"{name}:{number}: {line.strip()}" for number, line in lines if names().search(line)]
