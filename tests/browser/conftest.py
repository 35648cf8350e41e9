"""A real browser, once a test process.

Skipped, with the reason, unless NOBS_TEST_BROWSER=1; with it, a missing browser fails them.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from nobs.report.leaderboard import Skipped
from tests.browser.pages import write_page
from tests.fakes.reports import bare_report, failed_report, make_report, max_report

NAMES = ("chromium", "chromium-browser", "google-chrome")
MACHINES = (("fast", 9.0, "cuda"), ("middle", 3.0, "rocm"), ("slow", 1.0, "mps"))
ASKED_FOR = os.environ.get("NOBS_TEST_BROWSER") == "1"


expect.set_options(timeout=60_000)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(
        reason="tests of the HTML page run with NOBS_TEST_BROWSER=1 and Debian's chromium "
        "or the like (as .ci/run does)"
    )
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if not ASKED_FOR:
                item.add_marker(skip)


@contextmanager
def start_browser() -> Iterator[Browser]:
    """Start the machine's own browser."""
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        pytest.fail(f"no browser: none of {', '.join(NAMES)} is on the path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with start_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    reports = [
        make_report(name, speed=speed, run=f"run-{name}", device=device)
        for name, speed, device in MACHINES
    ]
    opened_one = make_report("tuned", run="run-tuned", division="open", tasks=("embeddings",))
    best = max_report("fast", run="run-max", speed=20.0, device="cuda")
    reports += [opened_one, failed_report(), bare_report(), best]
    file = tmp_path_factory.mktemp("page") / "results.html"
    return write_page(file, reports, [Skipped(file="report_bad.json", reason="It is damaged.")])
