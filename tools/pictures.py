"""Makes the README's pictures from reports: `python -m tools.pictures REPORT...`, with chromium.

The terminal shows the first report, the page all of them.
"""

import re
import shutil
import sys
import tempfile
from io import StringIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.text import Text

from nobs.render.html import render_html
from nobs.render.summary import render_summary
from nobs.report.leaderboard import arrange, flatten
from nobs.schema.report import Report
from nobs.storage.reader import read_report

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
WIDTH = 80
COLORS = 256


def draw_terminal(name: str, report: Report) -> str:
    """Return what a terminal shows of a report, as SVG."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    console.print(Text(f"$ nobs report {name}", style="bold"))
    console.print(Text.from_ansi(render_summary(report, width=WIDTH, color=True)))
    # The font would be fetched from elsewhere.
    return re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="NOBS"), flags=re.DOTALL)


def draw_page(reports: dict[str, Report], file: Path) -> None:
    """Write the HTML page of `reports` as PNG."""
    page = render_html(arrange([flatten(name, report) for name, report in reports.items()]))
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        source = Path(directory) / "page.html"
        source.write_text(page, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        tab = browser.new_page(viewport={"width": 1240, "height": 1330}, color_scheme="light")
        tab.goto(source.as_uri())
        tab.screenshot(path=file)
        browser.close()
    Image.open(file).quantize(COLORS).save(file, optimize=True)


def main() -> None:
    """Make both; the first report is the one of the terminal."""
    reports = {Path(name).name: read_report(Path(name)) for name in sys.argv[1:]}
    PICTURES.mkdir(exist_ok=True)
    terminal = draw_terminal(*next(iter(reports.items())))
    (PICTURES / "terminal.svg").write_text(terminal, encoding="utf-8")
    draw_page(reports, PICTURES / "page.png")


if __name__ == "__main__":
    main()
