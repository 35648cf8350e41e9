"""What the reference says of records follows from their annotations and docstrings."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from tools.docs_report import find_groups, page
from tools.pages import table
from tools.records import describe_type, docstrings_of, own_fields, walk


class Colour(StrEnum):
    RED = "red"
    """As a tomato,
    or a cherry."""
    BLUE = "blue"


class Leaf(BaseModel):
    colour: Colour
    size_m: float | None = None
    """Length in metres."""


class Twig(Leaf):
    """A leaf with more."""

    schema_id: str = Field("twig/1", alias="schema")
    extra: dict[str, Any]


class Tree(BaseModel):
    leaves: tuple[Leaf, ...]
    """All of them."""
    named: dict[str, Twig]


def test_docstrings_of_fields_bases_and_values_are_found() -> None:
    assert docstrings_of(Twig) == {"size_m": "Length in metres."}
    assert docstrings_of(Colour) == {"RED": "As a tomato, or a cherry."}


def test_a_record_below_a_base_has_its_own_fields_by_their_names_in_json() -> None:
    assert own_fields(Twig) == {"schema": "schema_id", "extra": "extra"}


def test_the_records_of_a_report_are_found_with_their_places() -> None:
    assert walk(Tree, "") == {
        Tree: [],
        Leaf: ["leaves[]"],
        Twig: ["named.{name}"],
        Colour: ["leaves[].colour"],
    }


def test_a_type_is_described_as_json_has_it() -> None:
    types = {
        name: field.annotation for name, field in (Tree.model_fields | Twig.model_fields).items()
    }

    assert describe_type(types["leaves"], {Leaf: "[Leaf](#leaf)"}) == "list of [Leaf](#leaf)"
    assert describe_type(types["size_m"], {}) == "number or null"
    assert describe_type(types["colour"], {}) == "`red`, `blue`"
    assert describe_type(types["extra"], {}) == "object"


def test_every_section_of_the_report_page_has_a_title_of_its_own() -> None:
    titles = [line for line in page().splitlines() if line.startswith("#")]
    records = sum(map(len, find_groups().values()))

    assert len(titles) == len(set(titles))
    assert len(titles) > records


def test_a_bar_in_a_cell_is_no_column() -> None:
    assert table("a|b", [("x|y", "z")]).splitlines()[-1] == "| x\\|y | z |"
