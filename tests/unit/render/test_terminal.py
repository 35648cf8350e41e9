"""Tables of groups with captions, and sentences that go on in a second line."""

import pytest

from nobs.render.terminal import GroupedTable, TextOutput

NAME = "sentence-transformers/all-MiniLM-L6-v2"


def draw(caption: str, *, width: int = 80, color: bool = False) -> str:
    table = GroupedTable("a title")
    table.add_columns("figure", is_text=True)
    table.add_columns("value")
    table.add_caption(caption)
    table.add_row(["rows/s", "12.3"])
    output = TextOutput(width=width, color=color)
    output.print_table(table)
    return output.text


def test_a_caption_takes_no_room_from_the_columns() -> None:
    assert draw(NAME).splitlines() == [
        "a title", "  figure  value", "  ─────────────", NAME, "  rows/s   12.3", "",
    ]  # fmt: skip


def test_columns_of_all_groups_are_equally_wide() -> None:
    table = GroupedTable("a title")
    table.add_columns("name", is_text=True)
    table.add_columns("value")
    for caption, cells in (("one", ["a", "1"]), ("two", ["longer", "123,456"])):
        table.add_caption(caption)
        table.add_row(cells)
    output = TextOutput()
    output.print_table(table)

    assert output.text.splitlines()[3:] == [
        "one", "  a             1", "two", "  longer  123,456", "",
    ]  # fmt: skip


def test_only_what_may_wrap_gives_way_to_the_width_and_at_words() -> None:
    table = GroupedTable("a title")
    table.add_columns("machine", is_text=True, wraps=True)
    table.add_columns("rows/s")
    table.add_caption("model")
    table.add_row(["An accelerator of length", "12.3"])
    output = TextOutput(width=26)
    output.print_table(table)

    assert output.text.splitlines()[4:-1] == ["  An accelerator      12.3", "  of length"]
    assert max(map(len, output.text.splitlines())) <= 26


def test_a_caption_is_bold_where_there_are_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a dumb terminal, as of many CI systems, rich has no colours.
    monkeypatch.setenv("TERM", "xterm")

    assert f"\x1b[1m{NAME}\x1b[0m" in draw(NAME, color=True)
    assert "\x1b" not in draw(NAME)


def test_a_sentence_goes_on_further_to_the_right() -> None:
    output = TextOutput(width=20)
    output.print("a model: it is not stable")
    output.print("a file: why it is so", indent="  ")

    assert output.text == "a model: it is not\n  stable\n  a file: why it is\n    so\n"


def test_a_number_keeps_its_percent_sign() -> None:
    output = TextOutput(width=20)
    output.print("a target of the 1.0 % is")

    assert output.text == "a target of the\n  1.0 % is\n"
