"""Errors cross the border of a process: each class is the same after pickling."""

import ast
import pickle
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from nobs.errors import InvalidReport, NobsError
from nobs.system.descriptors import TooFewFiles
from tests.fakes.forked import REPO


def classes() -> Iterator[type[NobsError]]:
    """Every class of errors, by what the source says of its bases."""
    found = {"NobsError": "nobs.errors"}
    defined = [
        (node, ".".join(file.relative_to(REPO).with_suffix("").parts))
        for file in sorted((REPO / "nobs").rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    while more := {
        node.name: module
        for node, module in defined
        if node.name not in found and any(getattr(base, "id", "") in found for base in node.bases)
    }:
        found |= more
    for name, module in found.items():
        yield getattr(import_module(module), name)


def copy_of(error: NobsError) -> NobsError:
    copied = pickle.loads(pickle.dumps(error))
    assert isinstance(copied, NobsError)
    return copied


def test_an_error_of_every_class_is_pickled_with_message_remedy_and_attributes() -> None:
    kinds = list(classes())
    for kind in kinds:
        error = kind.__new__(kind, "It failed.")
        NobsError.__init__(error, "It failed.", "Try again.")
        vars(error)["more"] = ("a", 1)
        copied = copy_of(error)

        assert type(copied) is kind
        assert (str(copied), copied.args) == ("It failed. Try again.", ("It failed.",))
        assert vars(copied) == vars(error)

    assert len(kinds) > 20
    assert {InvalidReport, TooFewFiles} <= set(kinds)


@pytest.mark.parametrize(
    "error", [TooFewFiles(900, 256), InvalidReport(Path("report.json"), "it is empty")]
)
def test_an_error_with_arguments_of_its_own_is_pickled(error: NobsError) -> None:
    copied = copy_of(error)

    assert (type(copied), str(copied)) == (type(error), str(error))
    assert vars(copied) == vars(error)
