"""The records of a report: which there are, where they are, and what their docstrings say."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from itertools import pairwise
from types import NoneType
from typing import Any, TypeAliasType, get_args, get_origin

from pydantic import BaseModel

from nobs.schema.pins import Params
from nobs.schema.report import ModelReport
from nobs.tasks import TASKS

_FOREIGN = {"builtins", "enum", "pydantic"}

type Kind = type[BaseModel] | type[StrEnum]


def report_types() -> dict[str, type[ModelReport]]:
    """Return the classes of NOBS's own tasks for their models."""
    found = {name: TASKS.load(name).report_type for name in TASKS}
    return {name: kind for name, kind in found.items() if kind.__module__.startswith("nobs.")}


@cache
def docstrings_of(kind: type) -> dict[str, str]:
    """Return the docstrings below the attributes of a class and its bases, each as one line.

    pydantic's `use_attribute_docstrings` gives the same for models, at 50 ms per process of NOBS.
    """
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.partition(".")[0] not in _FOREIGN:
            (node,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            assert isinstance(node, ast.ClassDef)
            found |= dict(_attributes(node))
    return found


def _attributes(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for attribute, text in pairwise(node.body):
        match attribute, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(docstring))),
            ):
                yield name, " ".join(docstring.split())


def base_of(kind: type[BaseModel]) -> type | None:
    """Return the base in whose section inherited fields are documented.

    What a task's classes have in common isn't documented apart from them.
    """
    common = (root for root in (ModelReport, Params) if issubclass(kind, root) and kind is not root)
    return next(common, kind.__base__)


def own_fields(kind: type[BaseModel]) -> dict[str, str]:
    """Return the fields that a record adds to its base, by their names in JSON."""
    base = base_of(kind)
    inherited = base.model_fields if base and issubclass(base, BaseModel) else {}
    return {
        field.alias or name: name
        for name, field in kind.model_fields.items()
        if name not in inherited
    }


def children(kind: type[BaseModel]) -> Iterator[Kind]:
    """Yield the records and enumerations that the fields of a record hold."""
    for field in kind.model_fields.values():
        yield from (child for child, _ in _kinds_in(field.annotation, ""))


def walk(root: type[BaseModel], path: str) -> dict[Kind, list[str]]:
    """Return the records and enumerations below `root`, breadth first, each with its places."""
    found: dict[Kind, list[str]] = {root: [path] if path else []}
    waiting: list[tuple[type[BaseModel], str]] = [(root, path)]
    while waiting:
        kind, path = waiting.pop(0)
        for key, name in own_fields(kind).items():
            place = f"{path}.{name}" if path else key
            for child, suffix in _kinds_in(kind.model_fields[name].annotation, ""):
                if child not in found and issubclass(child, BaseModel):
                    waiting.append((child, place + suffix))
                found.setdefault(child, []).append(place + suffix)
    return found


def _kinds_in(annotation: Any, suffix: str) -> Iterator[tuple[Kind, str]]:  # noqa: ANN401
    """Yield what an annotation holds, with `[]` or `.{name}` for a list or a map around it."""
    if isinstance(annotation, TypeAliasType):
        annotation = annotation.__value__
    if isinstance(annotation, type) and issubclass(annotation, BaseModel | StrEnum):
        yield annotation, suffix
        return
    wrapper = get_origin(annotation)
    around = suffix + {tuple: "[]", dict: ".{name}"}.get(wrapper, "") if wrapper else suffix
    for part in get_args(annotation):
        yield from _kinds_in(part, around)


def describe_type(annotation: Any, links: dict[Kind, str]) -> str:  # noqa: ANN401
    """Return the JSON type of an annotation as Markdown, with `links` for what has a section."""
    if isinstance(annotation, TypeAliasType):
        annotation = annotation.__value__
    arguments = get_args(annotation)
    match get_origin(annotation):
        case None:
            return _describe_plain(annotation, links)
        case wrapper if wrapper is tuple:
            return f"list of {describe_type(arguments[0], links)}"
        case wrapper if wrapper is dict:
            inner = describe_type(arguments[1], links)
            return "object" if inner == "any" else f"object of {inner}"
        case wrapper if "Annotated" in str(wrapper):
            return describe_type(arguments[0], links)
        case wrapper if "Literal" in str(wrapper):
            return " or ".join(f"`{value}`" for value in arguments)
        case _:
            return " or ".join(describe_type(part, links) for part in arguments)


def _describe_plain(kind: Any, links: dict[Kind, str]) -> str:  # noqa: ANN401
    if kind in links:
        return links[kind]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return ", ".join(f"`{value}`" for value in kind)
    plain = {str: "string", bool: "boolean", int: "integer", float: "number", NoneType: "null"}
    return plain.get(kind, "any" if kind is Any else "timestamp")
