"""The charts of the HTML page in a real browser."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from nobs.schema.report import Report
from nobs.tasks.charts import Picture
from tests.browser.pages import marks, opened, write_page
from tests.fakes.picture_charts import SIZE, TITLE, give_pictures, png_source
from tests.fakes.reports import interval, make_report, max_report


def test_settings_that_were_tried_are_the_ticks(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, "#view=embeddings-max%2F1+closed") as page:
        chart = page.locator("figure.chart").filter(has=page.get_by_text("Tuning", exact=True))
        ticks = chart.locator("[data-mark='x-axis tick label'] text").all_text_contents()

        assert ticks == ["16", "32", "64"]


def test_charts_have_a_mark_for_every_value(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        assert marks(page, "Throughput") == 7
        assert marks(page, "Throughput", "rule") == 7
        assert marks(page, "Every repeat") == 7 * 7
        assert marks(page, "Every repeat", "line") == 7
        assert marks(page, "Rows per joule") == 7
        assert marks(page, "Model FLOPs utilisation (MFU)") == 7
        assert marks(page, "Model FLOPs utilisation (MFU)", "rule") == 7
        assert marks(page, "Time breakdown of a pass", "bar") == 7 * 5
        page.get_by_role("link", name="llms/1 closed").click()
        assert marks(page, "Latency against output tokens") == 3 * 7 * 3
        assert marks(page, "Throughput under load") == 3 * 3
        assert marks(page, "TTFT under load") == 3 * 3
        assert marks(page, "TTFT under load", "rule") == 3 * 3
        for name in ("Decode rate", "Latency", "Time to first token (TTFT)"):
            assert marks(page, name) == 3


def test_best_settings_stand_beside_fixed_ones(browser: Browser, tmp_path: Path) -> None:
    reports = [
        make_report("one", run="run-one"), make_report("two", run="run-two", gpu="Another"),
        max_report("one", run="run-max", speed=3.0),
    ]  # fmt: skip
    file = write_page(tmp_path / "page.html", reports)
    with opened(browser, file) as page:
        assert marks(page, "Fixed and best settings") == 2 * 2
        assert marks(page, "Fixed and best settings", "link") == 2
        assert page.get_by_text("\N{MULTIPLICATION SIGN}3.0", exact=False).count() == 2
        assert page.get_by_text(": bfloat16, batch 32, sdpa", exact=False).count() == 2
        page.get_by_role("link", name="embeddings-max/1 closed").click()
        assert marks(page, "Fixed and best settings") == 2 * 2
        assert marks(page, "Tuning") == 2 * 3
        assert marks(page, "Tuning", "text") == 2


@pytest.mark.parametrize("count", [1, 2])
def test_few_machines_have_all_their_charts(browser: Browser, tmp_path: Path, count: int) -> None:
    reports = [make_report(f"host {n}", run=f"run-{n}") for n in range(count)]
    with opened(browser, write_page(tmp_path / "page.html", reports)) as page:
        assert marks(page, "Throughput") == marks(page, "Rows per joule") == 2 * count
        assert marks(page, "Every repeat") == 2 * count * 7


def test_values_of_a_curve_can_be_read_as_a_table(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        chart = page.locator("figure.chart").filter(has=page.get_by_text("Time breakdown"))
        chart.get_by_text("Values").press("Enter")
        chart.locator("tbody tr").first.wait_for()
        rows = chart.locator("tbody tr").all_inner_texts()

        assert len(rows) == 7
        assert rows[0].split("\t")[-5:] == ["10.0 %", "5.0 %", "80.0 %", "3.0 %", "2.0 %"]


def test_pictures_stand_in_the_page_itself(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_pictures(
        monkeypatch,
        [Picture(source=png_source((255, 0, 0)), text="a red square"),
         Picture(source=png_source((0, 0, 255), "jpeg"), text="<b>a blue one</b>")],
    )  # fmt: skip
    reports = [make_report(name, run=name, tasks=("embeddings",)) for name in ("one", "two")]
    with opened(browser, write_page(tmp_path / "page.html", reports)) as page:
        chart = page.locator("figure.chart").filter(has=page.get_by_text(TITLE, exact=True))
        widths = chart.locator("img").evaluate_all(
            "images => Promise.all(images.map(i => i.decode().then(() => i.naturalWidth)))"
        )

        assert widths == [SIZE] * 2 * 4
        assert chart.locator("li").all_inner_texts() == ["a red square", "<b>a blue one</b>"] * 4


def by_depth(host: str, rates: Sequence[float]) -> Report:
    """Return a report of an LLM with these decode rates at 1,000, 2,000, ... tokens."""
    document = make_report(host, run=host, tasks=("llms",)).model_dump(mode="json", by_alias=True)
    (model,) = document["tasks"][0]["models"].values()
    cells = [{"depth": 0, "number": 1, "decode_tokens_per_sec": 99.0}]
    cells += [
        {"depth": 1000 * n, "number": n + 1, "decode_tokens_per_sec": rate,
         "prefill_tokens_per_sec": 5 * rate}
        for n, rate in enumerate(rates, start=1)
    ]  # fmt: skip
    model["depth"] = {"cells": cells, "tolerance": 0.01}
    return Report.model_validate(document)


def test_decode_rates_by_depth_are_a_heat_map(browser: Browser, tmp_path: Path) -> None:
    reports = [by_depth("one", [90.0, 80.0, 60.0]), by_depth("two", [40.0, 35.0])]
    with opened(browser, write_page(tmp_path / "page.html", reports)) as page:
        title = "Decode by context depth, all machines"
        assert marks(page, title, "cell") == 4 + 3
        chart = page.locator("figure.chart").filter(has=page.get_by_text(title, exact=True))
        assert {"90", "35"} <= {*chart.locator("svg text").all_text_contents()}
        chart.get_by_text("Values").press("Enter")
        chart.locator("tbody tr").first.wait_for()
        rows = [row.split("\t")[-4:] for row in chart.locator("tbody tr").all_inner_texts()]
        assert rows == [["99", "90", "80", "60"], ["99", "40", "35", "\N{EN DASH}"]]
        assert marks(page, "Prefill by prompt length") == 3 + 2


def by_load(host: str, rates: Sequence[float]) -> Report:
    """Return a report of served embeddings with these rates at 1, 2, ... requests in flight."""
    document = make_report(host, run=host, tasks=("llms",)).model_dump(mode="json", by_alias=True)
    (task,) = document["tasks"]
    cells = [
        {"inputs": inputs, "concurrency": number, "requests": 200, "rows_per_second": rate * inputs,
         "p50_latency_s": 0.1, "p99_latency_s": 0.2}
        for number, rate in enumerate(rates, start=1)
        for inputs in (1, 32)
    ]  # fmt: skip
    model = {
        "model_name": "m", "device": "cpu", "status": "ok", "cells": cells,
        "final_median_rows_per_second": max(rates) * 32,
    }  # fmt: skip
    task |= {"task": "embeddings-served", "models": {"m": model}, "task_score": None}
    task["workload"]["name"] = "embeddings-served/1"
    return Report.model_validate(document)


def test_served_embeddings_have_a_line_for_each_request_size(
    browser: Browser, tmp_path: Path
) -> None:
    page_of = write_page(tmp_path / "page.html", [by_load("one", [90.0, 160.0, 200.0])])
    with opened(browser, page_of) as page:
        for title in ("Throughput by request size and load", "Latency by request size and load"):
            assert marks(page, title) == 2 * 3


def with_queues(host: str, speed: float) -> Report:
    """Return a report of an LLM whose server published its queue at 1, 4 and 16 at once."""
    report = make_report(host, speed=speed, run=host, tasks=("llms",))
    document = report.model_dump(mode="json", by_alias=True)
    (model,) = document["tasks"][0]["models"].values()
    for level, (mean, most) in zip(
        model["load"]["levels"], ((0, 0), (0.4, 2), (8.5, 12)), strict=True
    ):
        level["server"] = {"reads": 9, "waiting_mean": mean, "waiting_max": most}
    return Report.model_validate(document)


def with_turns(host: str, turns: int, speed: float = 1.0) -> Report:
    """Return a report of a conversation whose cached turns take a fifth of the time."""
    document = make_report(host, run=host, tasks=("llms",)).model_dump(mode="json", by_alias=True)
    (model,) = document["tasks"][0]["models"].values()
    slow = [(300 + 100 * n) / 1000 / speed for n in range(turns)]
    rows = [
        {"turn": n, "number": n, "uncached_number": turns + n if n > 1 else None,
         "ttft_s": time if n == 1 else time / 5, "ttft_interval": interval([time / 5, time / 4]),
         "uncached_ttft_s": time if n > 1 else None, "uncached_interval": interval([time, time])}
        for n, time in enumerate(slow, start=1)
    ]  # fmt: skip
    other = {"turn": 0, "number": turns + 1, "uncached_number": 2 * turns, "ttft_s": 0.2}
    model["cache"] = {"turns": [*rows, other], "evidence": "tokens"}
    return Report.model_validate(document)


def test_the_servers_queue_has_a_mark_for_each_level(browser: Browser, tmp_path: Path) -> None:
    title = "Queue of the server under load"
    page_of = write_page(tmp_path / "page.html", [with_queues("a", 2.0), with_queues("b", 1.0)])
    with opened(browser, page_of) as page:
        assert marks(page, title) == 2 * 3
        assert marks(page, title, "line") == 2
        chart = page.locator("figure.chart").filter(has=page.get_by_text(title, exact=True))
        ticks = chart.locator("[data-mark='x-axis tick label'] text").all_text_contents()
        assert ticks == ["1", "4", "16"]


@pytest.mark.parametrize("width", [1280, 390])
def test_turns_of_a_conversation_have_a_line_with_and_without_cache(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    title = "TTFT by turn of a conversation"
    page_of = write_page(tmp_path / "page.html", [with_turns("a", 10, 2.0), with_turns("b", 10)])
    with opened(browser, page_of, width=width) as page:
        assert marks(page, title) == 2 * (10 + 9)
        assert marks(page, title, "line") == 2 * 2
        chart = page.locator("figure.chart").filter(has=page.get_by_text(title, exact=True))
        ticks = chart.locator("[data-mark='x-axis tick label'] text").all_text_contents()
        assert [tick for tick in ticks if tick not in {*map(str, range(1, 11))}] == []
        assert chart.locator("figure > div").first.inner_text().split() == ["cached", "uncached"]
