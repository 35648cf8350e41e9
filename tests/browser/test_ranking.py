"""The page of `nobs rank --html` in a real browser."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from nobs.render.ranking_page import render_ranking_page
from nobs.report.price import Prices
from nobs.report.rank import By, rank
from tests.browser.pages import cells, opened
from tests.fakes.reports import make_report


@pytest.fixture(scope="module")
def ranking_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    reports = []
    for number, speed in enumerate((1.0, 1.0, 1.0, 0.9)):
        report = make_report(run=f"r{number}", speed=speed, tasks=("embeddings",), seed=number)
        node = report.run.model_copy(update={"node": f"n{number}"})
        reports.append(report.model_copy(update={"run": node}))
    file = tmp_path_factory.mktemp("ranking") / "ranking.html"
    rankings = rank(reports, by=By.THROUGHPUT, prices=Prices())[:1]
    file.write_text(render_ranking_page(rankings), encoding="utf-8")
    return file


def test_machines_stand_best_first_and_the_odd_one_is_marked(
    browser: Browser, ranking_file: Path
) -> None:
    with opened(browser, ranking_file) as page:
        assert cells(page, "#") == ["1", "2", "3", "4"]
        assert cells(page, "machine")[3] == "a host@n3"
        expect(page.locator("tr.odd th")).to_contain_text("a host@n3")
        assert page.locator("svg .range").count() == 4
        expect(page.get_by_text("below the others of its model")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_and_fits_a_narrow_window(
    browser: Browser, ranking_file: Path, scheme: str
) -> None:
    with opened(browser, ranking_file, width=360, scheme=scheme) as page:
        found = Axe().run(page).response["violations"]
        grave = [each["id"] for each in found if each["impact"] in {"serious", "critical"}]

        assert grave == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
