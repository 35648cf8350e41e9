"""A parquet file laid out as the one of stanfordnlp/imdb, made of the quick profile's texts."""

from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from nobs.catalog import load_catalog
from nobs.data.checks import digest_file, digest_rows
from nobs.data.texts import load_texts
from nobs.schema.pins import DatasetPin

REPO = "stanfordnlp/imdb"
ROW_GROUP_SIZE = 1000
CARD = """---
configs:
- config_name: plain_text
  data_files:
  - split: train
    path: plain_text/train-*
  default: true
---
"""


def reviews(count: int) -> list[str]:
    """Return texts of a review's length that all differ."""
    passages = [
        row.split() for row in load_texts(load_catalog().datasets["nobs/austen-passages"]).rows
    ]
    turned = ((passages[i % len(passages)], i // len(passages)) for i in range(count))
    return [" ".join(words[turn:] + words[:turn]) for words, turn in turned]


def write_imdb(directory: Path, *, count: int = 2500, rows: int = 100) -> DatasetPin:
    """Write the train file of a repository into `directory`, a commit; return its pin."""
    pin = load_catalog().datasets[REPO]
    path = directory / str(pin.file)
    path.parent.mkdir(parents=True, exist_ok=True)
    (directory / "README.md").write_text(CARD, encoding="utf-8")
    texts = reviews(count)
    table = pa.table({"text": texts, "label": pa.array([i % 2 for i in range(count)], pa.int64())})
    parquet.write_table(table, path, row_group_size=ROW_GROUP_SIZE)
    changes = {
        "revision": directory.name,
        "file_bytes": path.stat().st_size,
        "file_sha256": digest_file(path),
        "rows": rows,
        "rows_sha256": digest_rows(texts[:rows]),
    }
    return pin.model_copy(update=changes)
