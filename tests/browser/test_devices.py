"""Several devices of one machine on the page, in a real browser."""

from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser, expect

from nobs.render.html import render_html
from nobs.report.devices import describe_devices
from nobs.report.leaderboard import arrange, flatten
from tests.browser.pages import opened
from tests.fakes.several import machine_at_once


def test_the_odd_device_and_the_sum_have_a_view(browser: Browser, tmp_path: Path) -> None:
    reports = machine_at_once(1.0, 1.0, 0.7)
    board = arrange([flatten(each.run.id, each) for each in reports])
    board = replace(board, devices=describe_devices(reports))
    file = tmp_path / "page.html"
    file.write_text(render_html(board), encoding="utf-8")
    with opened(browser, file) as page:
        page.get_by_role("link", name="Several devices").click()
        sums = page.locator("section.panel").filter(has_text="3 devices at once")
        odd = page.locator("section.panel").filter(has_text="Each device alone")

        expect(sums).to_have_count(2)
        expect(sums.first.locator("tbody tr")).to_have_count(3)
        expect(sums.first.locator("tbody tr").last).to_contain_text("the worst")
        expect(odd.first.locator("tbody tr").last).to_contain_text("stands out")
