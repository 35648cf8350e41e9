"""Every output format, held against golden files and against hostile input."""

import ast
import csv
import json
from io import StringIO
from pathlib import Path

import pytest

from nobs.render import FORMATS
from nobs.render.table import render_table
from nobs.report.leaderboard import Leaderboard, Skipped, arrange, flatten
from nobs.schema.report import Report
from tests.fakes.golden import check
from tests.fakes.reports import (
    HOSTILE,
    bare_report,
    failed_report,
    hostile_report,
    make_report,
)

SUFFIXES = {"table": "txt", "markdown": "md", "csv": "csv", "json": "json"}
BROWSER_PAGES = Path(__file__).parents[2] / "browser" / "pages.py"
"""Opens pages in a browser: how the format `html` is tested."""


def make_board() -> Leaderboard:
    reports = [
        make_report("NVIDIA DGX H100", speed=40.0, run="run-1", gpu="NVIDIA H100 80GB HBM3"),
        make_report("Mac16,6", run="run-2", device="mps", gpu="Apple M4 Max (32 cores)"),
        make_report("a desktop", speed=2.0, run="run-3", division="open", tasks=("embeddings",)),
        failed_report(),
        bare_report(),
    ]
    sheets = [flatten(f"report_{number}.json", each) for number, each in enumerate(reports)]
    return arrange(sheets, [Skipped(file="report_bad.json", reason="It is damaged.")])


def test_every_format_is_held_against_a_file_or_opened_in_a_browser() -> None:
    nodes = ast.walk(ast.parse(BROWSER_PAGES.read_text(encoding="utf-8")))
    imported = {f"{each.module}" for each in nodes if isinstance(each, ast.ImportFrom)}
    opened = {form for form in FORMATS if FORMATS.load(form).__module__ in imported}

    assert {*SUFFIXES} | opened == {*FORMATS}


@pytest.mark.parametrize("form", SUFFIXES)
def test_a_format_shows_the_board_as_its_golden_file(form: str) -> None:
    check(f"board.{SUFFIXES[form]}", FORMATS.load(form)(make_board()))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("form", FORMATS.names())
def test_a_format_survives_hostile_text_in_every_field(form: str, text: str) -> None:
    board = arrange([flatten(text, hostile_report(text)), flatten("b", make_report())])
    shown = FORMATS.load(form)(board)

    assert "a host" in shown
    assert not {"\x1b", "\u202e"} & set(shown)
    assert "x" * 300 not in shown


def test_a_board_of_nothing_has_no_row_in_any_format() -> None:
    shown = {form: FORMATS.load(form)(arrange([])) for form in FORMATS}

    assert (shown["table"], shown["markdown"]) == ("", "")
    assert list(csv.DictReader(StringIO(shown["csv"]))) == []
    assert json.loads(shown["json"])["tables"] == []
    assert shown["html"].startswith("<!doctype html>")


@pytest.mark.parametrize("width", [60, 80])
def test_the_table_fits_the_terminal(width: int) -> None:
    lines = render_table(make_board(), width=width).splitlines()

    assert max(len(line.rstrip()) for line in lines) <= width


@pytest.mark.parametrize("text", [text for text in HOSTILE if text[:1] in tuple("=+-@")])
def test_csv_holds_no_formula(text: str) -> None:
    board = arrange([flatten(text, hostile_report(text))])
    rows = list(csv.DictReader(StringIO(FORMATS.load("csv")(board))))

    assert {row["host"] for row in rows} == {f"'{text}"}
    assert not [cell for row in rows for cell in row.values() if cell[:1] in tuple("=+-@")]


def test_markdown_shows_markup_as_text() -> None:
    board = arrange([flatten("x", hostile_report("<b>|*a*|@x</b>"))])
    shown = FORMATS.load("markdown")(board)

    assert "<b>" not in shown
    assert "@" not in shown
    assert r"&lt;b&gt;\|\*a\*\|&#64;x&lt;/b&gt;" in shown


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_what_was_changed_names_the_run_where_machines_look_the_same(form: str) -> None:
    one, two = (
        make_report(run=run, division="open", tasks=("llms",)).model_dump(
            mode="json", by_alias=True
        )
        for run in ("one", "two")
    )
    two["tasks"][0]["workload"]["open_reasons"] = ["another prompt"]
    board = arrange([flatten("x", Report.model_validate(each)) for each in (one, two)])
    shown = FORMATS.load(form)(board)

    assert "a host, run one: open: batch" in shown
    assert "a host, run two: open: another prompt" in shown


def test_csv_tells_what_an_interval_covers_and_what_is_open() -> None:
    board = arrange([flatten("x", make_report(division="open", tasks=("embeddings",)))])
    row, _ = csv.DictReader(StringIO(FORMATS.load("csv")(board)))

    assert row["rows_per_second_confidence"] == "0.96"
    assert row["open_reasons"] == "batch_size: 8 instead of 16"


@pytest.mark.parametrize(
    ("stable", "kind", "word"),
    [(True, "outliers", "stable"), (False, "wide-interval", "imprecise"),
     (False, "drift", "unstable")],
)  # fmt: skip
def test_programs_read_the_verdict(kind: str, word: str, *, stable: bool) -> None:
    source = make_report(tasks=("llms",)).model_dump(mode="json", by_alias=True)
    (model,) = source["tasks"][0]["models"].values()
    finding = {"kind": kind, "value": 0.1, "message": "seen"}
    model["verdict"] = {"stable": stable, "uncertainty": 0.1, "spread": 0.1, "findings": [finding]}
    board = arrange([flatten("a", Report.model_validate(source))])
    (row,) = csv.DictReader(StringIO(FORMATS.load("csv")(board)))

    assert row["verdict"] == word
    assert json.loads(FORMATS.load("json")(board))["tables"][0]["rows"][0]["verdict"] == word


def test_json_is_exact() -> None:
    source = make_report(tasks=("llms",))
    ((_, values),) = source.tasks[0].models.items()
    board = json.loads(FORMATS.load("json")(arrange([flatten("a", source)])))
    ((row,),) = [table["rows"] for table in board["tables"]]
    model = values.model_dump()

    assert row["figures"]["latency_s"]["value"] == model["final_median_latency_s"]
    assert row["samples"] == [run["median_tokens_per_sec"] for run in model["all_runs"]]
