"""The page of a ranking: what it shows, and that nothing in it can act."""

import re

from nobs.render.ranking_page import render_ranking_page
from nobs.report.price import Prices, parse_prices
from nobs.report.rank import By, rank
from nobs.schema.report import Report
from tests.fakes import golden
from tests.fakes.reports import HOSTILE, hostile_report, make_report


def reports(*speeds: float) -> list[Report]:
    """Return two runs of each machine of these speeds."""
    found = []
    for number, speed in enumerate(speeds):
        for run in range(2):
            report = make_report(run=f"run-{number}-{run}", speed=speed, tasks=("embeddings",),
                                 seed=2 * number + run)  # fmt: skip
            node = report.run.model_copy(update={"node": f"n{number}"})
            found.append(report.model_copy(update={"run": node}))
    return found


def test_the_page_of_machines_with_an_odd_one_is_as_it_was() -> None:
    prices = Prices(machines=dict(parse_prices(["a host=2/h"])))
    page = render_ranking_page(rank(reports(1, 1, 1, 1, 0.9), by=By.THROUGHPUT, prices=prices))
    body = page[page.index("<body>") :]

    assert re.findall(r'<tr class="[^"]*odd">.*?(a host@n\d)', body) == 2 * ["a host@n4"]
    assert body.count('<tr class="group') >= 2
    golden.check("ranking.html", body)


def test_texts_of_reports_are_never_markup() -> None:
    harmless = rank(reports(1), by=By.THROUGHPUT, prices=Prices())
    tags = set(re.findall(r"<(\w+)", render_ranking_page(harmless)))
    for text in HOSTILE:
        page = render_ranking_page(rank([hostile_report(text)], by=By.THROUGHPUT, prices=Prices()))
        assert set(re.findall(r"<(\w+)", page)) <= tags


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = render_ranking_page(rank(reports(1), by=By.THROUGHPUT, prices=Prices()))

    assert "default-src 'none'; style-src 'unsafe-inline'\"" in page
    assert re.findall(r"\b(?:src|href)=|url\(", page) == []
