import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from nobs.catalog import load_catalog
from nobs.data.texts import load_texts
from nobs.errors import DataError
from nobs.schema.pins import DatasetPin, Source

QUICK = load_catalog().datasets["nobs/austen-passages"]
ROWS = ["first text", "second, with a comma", "dritter Text: größer", "fourth"]


def local(path: Path, **changes: object) -> DatasetPin:
    pin = DatasetPin(id=str(path), source=Source.PATH, rows=3)
    return pin.model_copy(update=changes)


def write(path: Path) -> Path:
    match path.suffix:
        case ".txt":
            path.write_text("\n\n".join(ROWS) + "\n", encoding="utf-8")
        case ".jsonl":
            lines = [json.dumps(row if i % 2 else {"text": row}) for i, row in enumerate(ROWS)]
            path.write_text("\n".join(lines), encoding="utf-8")
        case ".csv":
            lines = ["label,text", *(f'0,"{row}"' for row in ROWS)]
            path.write_text("\n".join(lines), encoding="utf-8")
        case ".parquet":
            parquet.write_table(pa.table({"label": [0] * 4, "text": ROWS}), path, row_group_size=2)
    return path


def test_packaged_texts_are_the_pinned_ones() -> None:
    texts = load_texts(QUICK, offline=True)
    assert len(texts.rows) == 100
    assert texts.evidence.rows_sha256 == QUICK.rows_sha256
    assert texts.evidence.rows_verified
    assert texts.evidence.file_verified
    assert texts.evidence.model_dump()["characters"] == sum(len(row) for row in texts.rows)


def test_packaged_texts_are_as_long_as_reviews() -> None:
    words = [len(row.split()) for row in load_texts(QUICK).rows]
    assert 230 <= sum(words) / len(words) <= 250
    assert min(words) >= 80
    assert max(words) <= 400


def test_packaged_texts_need_no_heavy_import() -> None:
    code = (
        "import sys\n"
        "from nobs.catalog import load_catalog\n"
        "from nobs.data.texts import load_texts\n"
        "load_texts(load_catalog().datasets['nobs/austen-passages'])\n"
        "print({'torch', 'pyarrow', 'datasets', 'huggingface_hub'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_wrong_rows_digest_is_refused() -> None:
    with pytest.raises(DataError, match="the pin has 0000"):
        load_texts(QUICK.model_copy(update={"rows_sha256": "0" * 64}))


def test_a_wrong_file_digest_is_refused() -> None:
    with pytest.raises(DataError, match=r"passages\.jsonl has sha256 .* the pin has 0000"):
        load_texts(QUICK.model_copy(update={"file_sha256": "0" * 64}))


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".csv", ".parquet"])
def test_the_first_rows_of_a_file_are_read(tmp_path: Path, suffix: str) -> None:
    texts = load_texts(local(write(tmp_path / f"texts{suffix}")))
    assert texts.rows == tuple(ROWS[:3])
    assert not texts.evidence.rows_verified
    assert texts.evidence.file_sha256
    assert not texts.evidence.file_verified


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_an_unknown_column_is_refused_with_the_known_ones(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"texts{suffix}")
    with pytest.raises(DataError, match=r"no column 'body'.*text"):
        load_texts(local(path, column="body"))


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 4 rows; 5 were requested"):
        load_texts(local(write(tmp_path / "texts.txt"), rows=5))


def test_a_column_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="3 of the first 3 rows of column 'label'"):
        load_texts(local(write(tmp_path / "texts.parquet"), column="label"))


@pytest.mark.parametrize("name", ["texts.parquet", "texts.jsonl", "texts.txt"])
def test_a_damaged_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff no such thing")
    with pytest.raises(DataError, match=f"Can't read .*{name}"):
        load_texts(local(tmp_path / name))


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file .*nowhere\.txt"):
        load_texts(local(tmp_path / "nowhere.txt"))


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "texts.docx").write_text("x")
    with pytest.raises(
        DataError, match=r"format of .* is unknown.*\.txt, \.jsonl, \.csv, \.parquet"
    ):
        load_texts(local(tmp_path / "texts.docx"))
