"""The page as text: what it carries, and that nothing in it can act."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from nobs.render.html import page_data, render_html
from nobs.report.leaderboard import arrange, flatten
from tests.fakes.reports import HOSTILE, hostile_report, make_report

REPO = Path(__file__).resolve().parents[3]
ASSETS = REPO / "nobs" / "render" / "assets"
VENDORED = {
    name: digest
    for digest, name in map(str.split, (ASSETS / "vendored.sha256").read_text().splitlines())
}


@pytest.mark.parametrize("name", VENDORED)
def test_a_vendored_file_is_the_published_one(name: str) -> None:
    assert hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() == VENDORED[name]


@pytest.mark.parametrize("package", ["d3", "plot"])
def test_a_vendored_library_has_its_licence_and_the_version_that_the_tool_fetches(
    package: str,
) -> None:
    (file, version) = re.findall(
        rf"^fetch {package} \S+ (\S+) (\S+)$", (REPO / "tools" / "vendor.sh").read_text(), re.M
    )[0][::-1]

    assert f"v{version} Copyright" in (ASSETS / file).read_text(encoding="utf-8")[:200]
    assert {file, f"LICENSE-{package}.txt"} <= VENDORED.keys()


def test_the_page_loads_nothing() -> None:
    page = render_html(arrange([flatten("a", make_report())]))
    head = page[: page.index("<style>")]

    assert "default-src 'none'; script-src 'sha256-" in head
    assert re.findall(r"<(?:link|img|iframe|script) [^>]*(?:src|href)=", page) == []


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_the_data_ends_where_it_should_and_says_what_was_told(text: str) -> None:
    board = arrange([flatten(text, hostile_report(text))])
    page = render_html(board)
    data = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)

    assert page.count("<script") == 8
    assert json.loads(data[0]) == json.loads(json.dumps(page_data(board)))


def test_the_own_script_stays_small() -> None:
    lines = {
        name: (ASSETS / name).read_text().count("\n")
        for name in ("page.js", "tables.js", "charts.js", "kinds.js")
    }

    assert max(lines.values()) <= 300, lines
