"""The HTML page in a real browser: what people do with it."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from nobs.schema.report import Report
from nobs.text import to_line
from tests.browser.pages import cells, marks, opened, write_page
from tests.fakes.reports import (
    HOSTILE,
    hostile_report,
    make_report,
)  # fmt: skip

CLOSED = "#view=embeddings%2F1+closed"
VIEWS = (CLOSED, "#view=embeddings-max%2F1+closed", "#view=llms%2F1+closed",
         "#view=embeddings%2F1+open", "#view=machines", "#host=run-fast",
         "#view=skipped")  # fmt: skip


def test_the_first_workload_is_shown_best_first(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        expect(page.get_by_role("heading", level=2)).to_have_text("embeddings/1")
        machines, ranks, models = (cells(page, name) for name in ("machine", "#", "model"))

        assert machines[:4] == ["fast", "middle", "slow", "a small host"]
        assert machines[4:7] == ["fast", "middle", "slow"]
        assert ranks == ["1", "2", "3", "\N{EN DASH}", "1", "2", "3", "4", *2 * "\N{EN DASH}"]
        assert models == [*sorted(models[:8]), "m", "n"]
        assert "tuned" not in machines


def test_a_result_stands_beside_what_it_was_measured_on(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        row = page.locator("tbody tr").filter(has_text="a bare host").first.inner_text()

        assert "A processor (8)" in row
        assert "A GPU" not in row


def test_a_verdict_stands_beside_the_state(browser: Browser, tmp_path: Path) -> None:
    values = make_report(tasks=("llms",)).model_dump(mode="json", by_alias=True)
    (model,) = values["tasks"][0]["models"].values()
    model["verdict"] = {"stable": False, "uncertainty": 0.1, "spread": 0.1}
    file = write_page(tmp_path / "page.html", [Report.model_validate(values)])
    with opened(browser, file) as page:
        assert page.locator("tbody td.state").inner_text().split("\n") == ["ok", "imprecise"]


def test_machines_are_sorted_by_the_numbers_in_their_names(
    browser: Browser, tmp_path: Path
) -> None:
    reports = [make_report(f"box {n}", run=f"run-{n}") for n in (10, 9, 1)]
    with opened(browser, write_page(tmp_path / "page.html", reports), "#view=machines") as page:
        assert cells(page, "machine") == ["box 1", "box 9", "box 10"]


def test_machines_are_searched_by_what_they_are(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, "#view=machines") as page:
        page.get_by_label("Search machine, hardware").fill("rocm middle")
        assert cells(page, "machine") == ["middle"]
        expect(page.get_by_text("1 of 7 reports")).to_be_visible()

        page.get_by_label("Search machine, hardware").fill("gpu_name")
        assert cells(page, "machine") == []


def test_paper_is_light_and_holds_every_column(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, "#theme=dark", width=1046) as page:
        page.emulate_media(media="print")

        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(26, 31, 39)"
        assert page.evaluate("document.documentElement.scrollWidth") <= 1046


def test_a_usual_window_holds_every_column(browser: Browser, tmp_path: Path) -> None:
    report = make_report("ASUS Vivobook Pro 15 N6506MV", gpu="NVIDIA GeForce RTX 4060 Laptop GPU")
    document = report.model_dump(mode="json", by_alias=True)
    for model in document["tasks"][0]["models"].values():
        model["memory"]["device_peak_allocated_bytes"] = 11 << 30
        model["encoding_time_interval"]["confidence"] = 0.75
        model["verdict"] = {"stable": False, "uncertainty": 0.1, "spread": 0.1}
    file = write_page(tmp_path / "page.html", [Report.model_validate(document)])
    with opened(browser, file, width=1280) as page:
        region = page.locator(".scroll").first

        assert page.locator("thead").first.get_by_role("button").count() == 13
        assert region.evaluate("(it) => it.scrollWidth - it.clientWidth") == 0


def test_a_machine_stays_in_sight_on_a_narrow_window(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, width=380) as page:
        page.locator(".scroll").first.evaluate("(region) => { region.scrollLeft = 400; }")
        box = page.locator("tbody th.machine").first.bounding_box()

        assert box is not None
        assert 0 <= box["x"] < 20


def test_open_results_stand_apart_and_say_why(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        page.get_by_role("link", name="embeddings/1 open").click()

        assert cells(page, "machine") == ["tuned", "tuned"]
        reason = page.get_by_text("batch_size: 8 instead of 16").first
        assert reason.is_hidden()
        page.get_by_text("1 note").first.click()
        expect(reason).to_be_visible()


def test_a_heading_sorts_and_turns_the_order(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, "#view=llms%2F1+closed") as page:
        head = page.get_by_role("button", name="latency")
        head.click()
        first = cells(page, "machine")
        up = page.locator("th[aria-sort]").get_attribute("aria-sort")
        head.press("Enter")

        assert (first, up) == (["fast", "middle", "slow"], "ascending")
        assert cells(page, "machine") == ["slow", "middle", "fast"]
        assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"


def test_filters_narrow_rows_and_charts(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        page.get_by_label("Search machine").fill("MIDDLE gte")
        assert cells(page, "machine") == ["middle"]
        expect(page.get_by_text("1 of 10 rows")).to_be_visible()
        assert marks(page, "Throughput") == 1

        page.get_by_label("Search machine").fill("")
        page.get_by_label("Backend").select_option("mps")
        assert cells(page, "machine") == ["slow", "slow"]


def test_what_is_shown_can_be_shared_as_an_address(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        page.get_by_role("combobox", name="Model").select_option("thenlper/gte-large")
        page.get_by_role("button", name="machine").click()
        page.get_by_label("Theme").select_option("dark")
        seen, fragment = cells(page, "machine"), page.evaluate("location.hash")
    with opened(browser, page_file, fragment) as page:
        assert cells(page, "machine") == seen
        assert page.get_by_role("combobox", name="Model").input_value() == "thenlper/gte-large"
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_the_theme_changes_the_colours(browser: Browser, page_file: Path) -> None:
    read = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, page_file) as page:
        light = page.evaluate(read)
        page.get_by_label("Theme").select_option("dark")
        dark = page.evaluate(read)
    with opened(browser, page_file, scheme="dark") as page:
        assert page.evaluate(read) == dark != light


def test_a_machine_has_a_page_of_its_own(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        page.get_by_role("link", name="a small host").first.click()

        expect(page.get_by_role("heading", level=2)).to_have_text("a small host")
        expect(page.get_by_text("The disk was slow.").first).to_be_visible()
        expect(page.get_by_text("oom: Too big.")).to_be_visible()
        expect(page.locator("dt", has_text="libraries.torch")).to_be_visible()
        assert marks(page, "Time breakdown of a pass", "bar") == 5
        page.go_back()
        expect(page.get_by_role("heading", level=2)).to_have_text("embeddings/1")


def test_notes_are_no_flags(browser: Browser, tmp_path: Path) -> None:
    values = make_report(run="a-run").model_dump(mode="json", by_alias=True)
    values["run"]["flags"] = [
        {"name": "virtual-machine", "severity": "note", "message": "It is virtual."},
        {"name": "on-battery", "severity": "warning", "message": "A battery."},
    ]
    file = write_page(tmp_path / "page.html", [Report.model_validate(values)])
    with opened(browser, file, "#host=a-run") as page:
        assert page.locator("ul.flag li").all_inner_texts() == ["on-battery: A battery."]
        assert page.get_by_role("list", name="Notes").inner_text() == (
            "virtual-machine: It is virtual."
        )
        page.get_by_role("link", name="Machines").click()
        page.locator("thead th", has_text="flags").wait_for()
        assert cells(page, "flags") == ["1"]


def test_files_that_were_left_out_are_named(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        page.get_by_role("link", name="Skipped: 1").click()

        expect(page.get_by_text("report_bad.json: It is damaged.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("fragment", VIEWS)
def test_axe_finds_nothing_serious(
    browser: Browser, page_file: Path, fragment: str, scheme: str
) -> None:
    with opened(browser, page_file, fragment, scheme=scheme) as page:
        for summary in page.locator("summary").all():
            summary.click()
        for chart in page.locator("figure.chart svg[role=img]").all():
            chart.hover()
        found = Axe().run(page).response["violations"]
        grave = [
            (each["id"], each["nodes"][0]["html"])
            for each in found
            if each["impact"] in {"serious", "critical"}
        ]

        assert grave == []


@pytest.mark.parametrize("fragment", [CLOSED, "#view=machines", "#host=run-fast"])
def test_nothing_sticks_out_of_a_narrow_window(
    browser: Browser, page_file: Path, fragment: str
) -> None:
    with opened(browser, page_file, fragment, width=380) as page:
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 380


def test_everything_can_be_reached_by_keyboard(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        reached = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.textContent.trim().slice(0, 12)"))

        assert {"embeddings/1", "Machines", "rows/s", "latency", "fast"} - reached == {"latency"}


def test_the_focus_goes_down_the_page_and_is_seen(browser: Browser, page_file: Path) -> None:
    look = """() => {
      const [element, style] = [document.activeElement, getComputedStyle(document.activeElement)];
      return [element.textContent.trim().slice(0, 13) || element.type,
        style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
    }"""
    with opened(browser, page_file) as page:
        seen = []
        for _ in range(26):
            page.keyboard.press("Tab")
            seen.append(page.evaluate(look))

        names = [name for name, _ in seen]
        assert [name for name, is_seen in seen if not is_seen] == []
        assert names[:3] == ["systemlightda", "embeddings/1c", "embeddings-ma"]
        wanted = ["Machines", "search", "allcpucudamps", "machine", "model", "rows/s", "fast"]
        assert sorted(map(names.index, wanted)) == list(map(names.index, wanted))


def test_enter_on_a_heading_sorts_and_keeps_the_focus(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        page.get_by_role("button", name="model").focus()
        page.keyboard.press("Enter")

        assert page.evaluate("document.activeElement.textContent") == "model"
        assert page.locator("th[aria-sort]").inner_text().startswith("model")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(browser: Browser, tmp_path: Path, text: str) -> None:
    file = write_page(tmp_path / "page.html", [hostile_report(text), make_report()])
    with opened(browser, file, "#view=machines") as page:
        shown = cells(page, "machine")
        page.get_by_role("link", name=to_line(text)[:20] or "(no name)").first.click()

        assert len(shown) == 2
        assert page.locator("script").count() == 8
        assert page.locator("img, b").count() == 0
        expect(page.get_by_role("heading", level=2)).to_be_visible()


def test_a_script_tag_as_a_host_is_shown_as_it_is(browser: Browser, tmp_path: Path) -> None:
    file = write_page(tmp_path / "page.html", [make_report("<script>alert(1)</script>")])
    with opened(browser, file) as page:
        assert cells(page, "machine")[0] == "<script>alert(1)</script>"


def test_a_page_of_nothing_opens(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, write_page(tmp_path / "page.html", [])) as page:
        expect(page.get_by_role("heading", level=2)).to_have_text("Machines")


@pytest.mark.parametrize("fragment", ["#view=nothing", "#host=nobody", "#sort=x&dir=y", "#%", "#="])
def test_any_address_shows_something(browser: Browser, page_file: Path, fragment: str) -> None:
    with opened(browser, page_file, fragment) as page:
        assert page.locator("tbody tr").count() > 0
