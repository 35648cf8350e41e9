"""A thousand reports: the bars that the page keeps."""

import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest
from playwright.sync_api import Browser

from nobs.storage.files import to_json
from nobs.storage.store import report_path
from tests.browser.pages import cells, opened
from tests.fakes.reports import make_report

SORT = """
(name) => {
  const head = [...document.querySelectorAll("thead button")].find((e) => e.textContent === name);
  const start = performance.now();
  head.click();
  document.body.offsetHeight;
  return performance.now() - start;
}
"""


REPEATS = 35
"""Makes as many values as `nobs run --profile quick` writes."""


def write_reports(results: Path, count: int) -> None:
    for number in range(count):
        report = make_report(
            f"host {number}", speed=1 + number % 97, run=f"run-{number}", repeats=REPEATS
        )
        report_path(results, f"host-{number}").write_text(to_json(report))


def render(results: Path, output: Path) -> int:
    """Make the page as people do; return the peak of memory in bytes."""
    subprocess.run(
        [sys.executable, "-m", "nobs", "report", "--results", results, "--format", "html",
         "-o", output],
        check=True,
    )  # fmt: skip
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("thousand")
    write_reports(results, 1000)
    peak_bytes = render(results, results / "page.html")
    print(f"1,000 reports: {peak_bytes / 1e6:.0f} MB")
    assert peak_bytes < 300e6
    return results / "page.html"


def test_fifty_reports_make_a_small_page(tmp_path: Path) -> None:
    write_reports(tmp_path, 50)
    render(tmp_path, tmp_path / "page.html")

    size_bytes = (tmp_path / "page.html").stat().st_size
    print(f"50 reports: {size_bytes / 1e6:.2f} MB")
    assert size_bytes < 1_500_000


def test_a_thousand_reports_are_sorted_at_once(browser: Browser, thousand: Path) -> None:
    with opened(browser, thousand) as page:
        times_ms = [page.evaluate(SORT, name) for name in ("machine", "time", "model") * 3]
        print("sorting:", ", ".join(f"{time_ms:.1f} ms" for time_ms in times_ms))

        assert median(times_ms) < 100


def test_all_of_a_thousand_reports_can_be_shown_and_sorted(
    browser: Browser, thousand: Path
) -> None:
    with opened(browser, thousand) as page:
        page.get_by_role("button", name="Show all 2000").click()

        assert len(cells(page, "machine")) == 2000
