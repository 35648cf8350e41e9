"""Tables with captions across all columns, and sentences that go on in a second line."""

import pytest

from nobs.render.terminal import GroupedTable, Paper, break_name

NAME = "sentence-transformers/all-MiniLM-L6-v2"


def draw(caption: str, *, width: int = 80, color: bool = False) -> str:
    table = GroupedTable("a title")
    table.add_column("figure", is_text=True)
    table.add_column("value")
    table.add_caption(caption)
    table.add_row(["rows/s", "12.3"])
    paper = Paper(width=width, color=color)
    paper.draw(table)
    return paper.text


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (40, [NAME]),
        (30, ["sentence-transformers/all-", "MiniLM-L6-v2"]),
        (22, ["sentence-transformers/", "all-MiniLM-L6-v2"]),
        (12, ["sentence-", "transformers", "/all-MiniLM-", "L6-v2"]),
        (5, ["sente", "nce-", "trans", "forme", "rs/", "all-", "MiniL", "M-L6-", "v2"]),
    ],
)
def test_a_name_is_broken_behind_its_marks(width: int, lines: list[str]) -> None:
    assert break_name(NAME, width) == lines


@pytest.mark.parametrize("name", ["", "-", "   ", "模型/模型模型", "x" * 300, "a--//b"])
def test_any_name_is_broken_into_lines_that_fit(name: str) -> None:
    lines = break_name(name, 10)

    assert "".join(lines) == name.strip()
    assert all(len(line) <= 10 for line in lines)


def test_a_caption_spans_all_columns() -> None:
    assert draw(NAME).splitlines()[4:6] == [
        f"│ {NAME} │",
        "│ rows/s              │             12.3 │",
    ]


def test_a_table_is_as_wide_as_its_title_and_no_wider_than_the_terminal() -> None:
    lines = draw("m").splitlines()
    narrow = draw(NAME, width=24).splitlines()

    assert lines[0] == "a title"
    assert {len(line) for line in lines[1:]} == {18}
    assert {len(line) for line in narrow[1:]} == {24}
    assert narrow[4:6] == ["│ sentence-            │", "│ transformers/all-    │"]


def test_a_caption_is_bold_where_there_are_colours() -> None:
    assert f"\x1b[1m{NAME}\x1b[0m" in draw(NAME, color=True)
    assert "\x1b" not in draw(NAME)


def test_a_sentence_goes_on_further_to_the_right() -> None:
    paper = Paper(width=20)
    paper.say("a model: it is not stable")
    paper.say("a file: why it is so", indent="  ")

    assert paper.text == "a model: it is not\n  stable\n  a file: why it is\n    so\n"


def test_a_row_without_words_is_no_caption() -> None:
    table = GroupedTable("a title")
    table.add_column("one")
    table.add_column("two")
    table.add_row(["", " "])
    table.add_caption("a caption")
    table.add_row(["1", "2"])
    table.add_row(["", ""])
    paper = Paper(width=40)
    paper.draw(table)

    assert [line for line in paper.text.splitlines() if "caption" in line] == ["│ a caption │"]
    assert len(paper.text.splitlines()) == 9
