"""Comparisons, held against golden files."""

import json

import pytest

from nobs.render.comparison import FORMATS
from nobs.report.compare import compare_reports
from tests.fakes.golden import check
from tests.fakes.reports import failed_report, hostile_report, make_report

SUFFIXES = {"text": "txt", "markdown": "md", "json": "json"}
SLOW = make_report("a desktop", speed=0.1, tasks=("embeddings",))
COMPARISONS = (
    compare_reports(make_report("a desktop"), make_report("a server", speed=2.0, gpu="A big GPU"),
                    names=("one.json", "two.json")),
    compare_reports(SLOW, failed_report(), names=("one.json", "three.json")),
    compare_reports(make_report(repeats=3), make_report(division="open", repeats=3, seed=1),
                    names=("one.json", "four.json"), force_open=True),
)  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_a_comparison_looks_like_its_golden_file(form: str) -> None:
    check(f"comparison.{SUFFIXES[form]}", FORMATS[form](COMPARISONS))


def test_the_text_fits_the_terminal() -> None:
    tables = FORMATS["text"](COMPARISONS[:1])

    assert max(len(line.rstrip()) for line in tables.splitlines()) <= 80


def test_markdown_shows_markup_as_text() -> None:
    text = "<img src=x>|@all"
    report = hostile_report(text)
    shown = FORMATS["markdown"]([compare_reports(report, report, names=(text, text))])

    assert "<img" not in shown
    assert "@" not in shown


def test_json_is_exact() -> None:
    comparison = COMPARISONS[0]
    (found,) = json.loads(FORMATS["json"]([comparison]))["comparisons"]

    assert comparison.mean is not None
    assert found["mean"]["value"] == comparison.mean.value
    assert found["lines"][0]["figure"] == "rows_per_second"
