"""Text files as spreadsheets, editors and shells write them."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobs.data.texts import load_texts
from nobs.errors import DataError
from nobs.schema.pins import DatasetPin, Source

ROWS = ["The kettle boils; quickly, today.", "Größer, „älter“ and | older", 'He said "no".']
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]
BIG_ENDIAN = "\ufeff"
LONGER_THAN_THE_LIMIT = 131_072 * 2


def read(path: Path, column: str = "text", rows: int = 3) -> tuple[str, ...]:
    pin = DatasetPin(id=str(path), source=Source.PATH, rows=rows, column=column)
    return load_texts(pin).rows


def table(delimiter: str, columns: list[str], rows: list[list[str]], end: str = "\r\n") -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
    writer.writerows([columns, *rows])
    return file.getvalue()


def save(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def text_of(suffix: str) -> str:
    match suffix:
        case ".txt":
            return "\r\n".join(ROWS)
        case ".jsonl":
            return "\n".join(json.dumps({"text": row}, ensure_ascii=False) for row in ROWS)
        case _:
            return table(",", ["text", "label"], [[row, "1"] for row in ROWS])


@pytest.mark.parametrize("encoding", [*ENCODINGS, "utf-16-be", "utf-16-le", "utf-32-be"])
@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".csv", ".CSV"])
def test_a_byte_order_mark_names_the_encoding_and_is_no_text(
    tmp_path: Path, suffix: str, encoding: str
) -> None:
    """https://github.com/biolab/orange3/issues/7000"""
    mark = BIG_ENDIAN if encoding[-3:] in ("-be", "-le") else ""

    assert read(save(tmp_path / f"rows{suffix}", mark + text_of(suffix.lower()), encoding)) == (
        *ROWS,
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("columns", [["text"], ["text", "label"], ["label", "the text", "text"]])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_header_tells_what_separates_the_fields(
    tmp_path: Path, delimiter: str, columns: list[str], end: str
) -> None:
    rows = [[row if column == "text" else "1" for column in columns] for row in ROWS]
    # Without a delimiter in its header a text of one column is quoted.
    written = table(delimiter, columns, rows, end)
    if len(columns) == 1:
        written = end.join(["text", *(f'"{row.replace(chr(34), chr(34) * 2)}"' for row in ROWS)])

    assert read(save(tmp_path / "rows.csv", written)) == (*ROWS,)


@given(
    delimiter=st.sampled_from(",;\t|"),
    others=st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter("text".__ne__),
        max_size=4, unique=True,
    ),
    texts=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
        .filter(str.strip),
        min_size=1, max_size=5,
    ),
    encoding=st.sampled_from(ENCODINGS),
)  # fmt: skip
def test_any_table_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    delimiter: str, others: list[str], texts: list[str], encoding: str,
) -> None:  # fmt: skip
    columns = [*others, "text"]
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(
        [columns, *([*("x" for _ in others), text] for text in texts)]
    )
    path = save(tmp_path_factory.mktemp("table") / "rows.csv", file.getvalue(), encoding)

    assert read(path, rows=len(texts)) == tuple(texts)


def test_excel_s_line_before_the_header_is_a_hint(tmp_path: Path) -> None:
    written = "sep=|\r\n" + table("|", ["a;b", "text"], [["1", row] for row in ROWS])

    assert read(save(tmp_path / "rows.csv", written, "utf-8-sig")) == (*ROWS,)


def test_a_long_field_is_read_whole(tmp_path: Path) -> None:
    long = "word " * (LONGER_THAN_THE_LIMIT // 5)
    path = save(tmp_path / "rows.csv", table(",", ["text"], [[long]]))

    assert read(path, rows=1) == (long,)


def test_a_text_that_its_delimiter_cuts_is_refused_not_shortened(tmp_path: Path) -> None:
    path = save(tmp_path / "rows.csv", "text,label\nShort,1\nA longer one, with a comma,1\n")

    with pytest.raises(
        DataError, match=r"rows\.csv, line 3 has 3 fields; the header has 2\. Put quot"
    ):
        read(path, rows=2)


def test_delimiters_at_the_end_of_rows_are_no_fields(tmp_path: Path) -> None:
    path = save(tmp_path / "rows.csv", "text,label\nShort,1,,\n")

    assert read(path, rows=1) == ("Short",)


def test_a_row_without_the_column_holds_no_text(tmp_path: Path) -> None:
    path = save(tmp_path / "rows.csv", "label,text\n1,one\n2\n")

    with pytest.raises(DataError, match="1 of the first 2 rows of column 'text'"):
        read(path, rows=2)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"text\ncaf\xe9\n", "it isn't UTF-8"),
        ("text\nabc\n".encode("utf-16-le"), "zero bytes"),
        (b"\xff\xfet\0e\0x", "it isn't UTF-16"),
        (b"", "is empty"),
        (b"text,text\n1,2\n", "2 columns 'text'"),
        (b"a\xc2\xa0,b\n1,2\n", r"Its columns are: 'a\\xa0', b"),
    ],
)
def test_a_file_that_is_no_table_of_texts_is_refused(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "rows.csv").write_bytes(content)

    with pytest.raises(DataError, match=reason):
        read(tmp_path / "rows.csv", rows=1)


def test_a_column_of_plain_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'body': its lines are plain texts"):
        read(save(tmp_path / "rows.jsonl", '"one"\n"two"\n'), column="body", rows=1)


def test_half_a_surrogate_pair_is_no_text(tmp_path: Path) -> None:
    path = save(tmp_path / "rows.jsonl", '"whole"\n"half \\ud83d"\n')

    with pytest.raises(DataError, match=r"Row 2 of .* has half a surrogate pair"):
        read(path, rows=2)


@pytest.mark.parametrize("rest", ['"The kettle\nA\nB\n', '"The "old" kettle",1\n'])
def test_a_quote_that_ends_nowhere_swallows_no_rows(tmp_path: Path, rest: str) -> None:
    with pytest.raises(DataError) as caught:
        read(save(tmp_path / "rows.csv", "text,label\n" + rest))

    assert caught.value.remedy == "Close every quote in it, and write a quote within a text twice."


def test_empty_lines_above_the_header_are_none_of_it(tmp_path: Path) -> None:
    file = save(tmp_path / "rows.csv", "\r\n \r\ntext,label\r\nA,1\r\n")

    assert read(file, rows=1) == ("A",)


@pytest.mark.parametrize("text", ["", "\ufeff", "\n\n", "sep=;\n"])
def test_an_empty_file_is_called_empty(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="is empty"):
        read(save(tmp_path / "rows.csv", text))
