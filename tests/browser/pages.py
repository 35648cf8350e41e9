"""A page of `nobs report --format html`, opened from disk and watched."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from nobs.render.html import render_html
from nobs.report.leaderboard import Skipped, arrange, flatten
from nobs.schema.report import Report

WATCH = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""


def write_page(file: Path, reports: Sequence[Report], skipped: Sequence[Skipped] = ()) -> Path:
    sheets = [flatten(f"report_{number}.json", each) for number, each in enumerate(reports)]
    file.write_text(render_html(arrange(sheets, skipped)), encoding="utf-8")
    return file


@contextmanager
def opened(
    browser: Browser, file: Path, fragment: str = "", *, width: int = 1280, scheme: str = "light"
) -> Iterator[Page]:
    """Open `file`; afterwards assert that it was silent and asked nobody for anything."""
    with browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    ) as context:
        context.set_default_timeout(60_000)
        page = context.new_page()
        noise: list[str] = []
        page.on("console", lambda message: noise.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: noise.append(f"error: {error}"))
        page.on("request", lambda request: noise.append(f"request: {request.url}"))
        page.on("dialog", lambda dialog: noise.append(f"dialog: {dialog.message}"))
        page.add_init_script(WATCH)
        page.goto(f"{file.as_uri()}{fragment}")
        yield page
        assert page.evaluate("violations") == []
        assert noise == [f"request: {file.as_uri()}"]


def settle(page: Page) -> None:
    """Wait until the page has drawn what a click has asked for: it hears of a new address later."""
    page.evaluate("() => new Promise((drawn) => setTimeout(() => setTimeout(drawn)))")


def cells(page: Page, column: str) -> list[str]:
    """Return the first line of each cell below the heading `column`."""
    settle(page)
    heads = page.locator("thead th").all_inner_texts()
    (index,) = [place for place, head in enumerate(heads) if head.strip().startswith(column)]
    rows = page.locator(f"tbody tr > :nth-child({index + 1})").all_inner_texts()
    return [text.split("\n")[0].strip() for text in rows]


def marks(page: Page, chart: str, kind: str = "dot") -> int:
    """Return how many marks of `kind` the chart with this title has."""
    settle(page)
    box = page.locator("figure.chart").filter(
        has=page.get_by_role("heading", name=chart, exact=True)
    )
    return box.locator(f"g[data-mark={kind}] > *").count()
