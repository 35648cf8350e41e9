"""Makes docs/reference/report.md from the records and their docstrings."""

import inspect
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from itertools import chain

from pydantic import BaseModel

from nobs.report.legacy.report import LegacyModelReport
from nobs.schema.outcome import Outcome
from nobs.schema.report import ModelReport, Report
from nobs.schema.result import StepResult
from nobs.schema.spec import RunSpec
from nobs.schema.state import RunState
from nobs.tasks import TASKS
from tools.pages import fill, table
from tools.records import (
    Kind,
    base_of,
    children,
    describe_type,
    docstrings_of,
    own_fields,
    report_types,
    walk,
)

MODEL = "tasks[].models.{name}"
FILES: Mapping[type[BaseModel], str] = {
    RunSpec: "`spec.json`",
    StepResult: "`steps/<step>/result.json`",
    RunState: "`state.json`",
    Outcome: "`outcome.json`",
}
MAX_PLACES = 3

type Group = dict[Kind, list[str]]


def page() -> str:
    """Return the whole page."""
    groups = find_groups()
    titles = name_sections(groups)
    parts = {
        name: "\n".join(describe(kind, places, titles) for kind, places in group.items())
        for name, group in groups.items()
    }
    parts["tasks"] = "\n".join(f"## Task `{name}`\n\n{parts[name]}" for name in report_types())
    return fill("report", parts)


def find_groups() -> dict[str, Group]:
    """Return what has a section, in reading order: run, any model, each task, other files."""
    tasks = {name: walk(kind, MODEL) | _walk_params(name) for name, kind in report_types().items()}
    legacy = walk(LegacyModelReport, MODEL)
    model = walk(ModelReport, MODEL)
    users = Counter(chain.from_iterable((*tasks.values(), legacy)))
    for found in (*tasks.values(), legacy):
        for kind, places in found.items():
            if users[kind] > 1:
                model.setdefault(kind, []).extend(places)
    run = {kind: places for kind, places in walk(Report, "").items() if kind not in model}
    files = {kind: places for root in FILES for kind, places in walk(root, "").items()}
    groups = {"run": run, "model": model, **tasks, "legacy": legacy, "files": files}
    seen: set[Kind] = set()
    for name, group in groups.items():
        kept = [kind for kind in group if kind not in seen and _has_text(kind)]
        groups[name] = {kind: group[kind] for kind in sorted(kept, key=_after_users(kept))}
        seen |= group.keys()
    return groups


def _after_users(kinds: Sequence[Kind]) -> Callable[[Kind], float]:
    """Return the order in which an enumeration follows the first record that uses it."""
    users: dict[Kind, float] = {}
    for number, kind in enumerate(kinds):
        if issubclass(kind, BaseModel):
            for child in children(kind):
                users.setdefault(child, number + 0.5)
    numbers = {kind: float(number) for number, kind in enumerate(kinds)}
    return lambda kind: users.get(kind, 0.0) if issubclass(kind, StrEnum) else numbers[kind]


def _walk_params(task: str) -> Group:
    """Return the records of a task's parameters."""
    found: Group = {}
    for record in TASKS.load(task).params.values():
        found |= walk(record, "tasks[].workload.params")
    return found


def _has_text(kind: Kind) -> bool:
    """Tell whether a kind needs a section: an enumeration whose values say all needs none."""
    return issubclass(kind, BaseModel) or bool(docstrings_of(kind))


def name_sections(groups: Mapping[str, Group]) -> dict[Kind, str]:
    """Return each section's title: the class's name, with its task or owner if others share it."""
    names = Counter(kind.__name__ for group in groups.values() for kind in group)
    titles: dict[Kind, str] = {}
    for task, group in groups.items():
        for kind, places in group.items():
            titles[kind] = kind.__name__
            if names[kind.__name__] > 1 and places:
                owner = places[0].rpartition(".")[0].rpartition(".")[2].removesuffix("[]")
                owner = task if task in TASKS else owner
                titles[kind] += f" of {owner or 'a report'}"
    return titles


def describe(kind: Kind, places: list[str], titles: Mapping[Kind, str]) -> str:
    """Return heading, place, text and table of a record or an enumeration."""
    links = {each: f"[{title}](#{_anchor(title)})" for each, title in titles.items()}
    texts = {name: _link(text, links) for name, text in docstrings_of(kind).items()}
    lines = [f"### {titles[kind]}", _link(inspect.cleandoc(kind.__doc__ or ""), links)]
    if issubclass(kind, StrEnum):
        rows = [(f"`{value}`", texts.get(value.name, "")) for value in kind]
        return "\n\n".join([*lines, table("value|meaning", rows)])
    where = FILES.get(kind) or ", ".join(f"`{place}`" for place in dict.fromkeys(places))
    if kind in FILES or 0 < len(set(places)) <= MAX_PLACES:
        lines.append(f"Found in {where}.")
    if (base := base_of(kind)) in titles:
        lines.append(f"These fields are in addition to those of {links[base]}.")
    fields = [
        (f"`{key}`", describe_type(kind.model_fields[name].annotation, links), texts.get(name, ""))
        for key, name in own_fields(kind).items()
    ]
    return "\n\n".join([*lines, table("field|type|meaning", fields)])


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _link(text: str, links: Mapping[Kind, str]) -> str:
    """Return `text` with links for the names of records in backquotes."""
    known = {kind.__name__: link for kind, link in links.items()}
    return re.sub(r"`(\w+)`", lambda found: known.get(found[1], found[0]), text)
