import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from nobs.render.ranking import FORMATS, ranking_text
from nobs.report.machines import names_of
from nobs.report.price import Prices, parse_prices
from nobs.report.rank import By, Ranking, rank
from nobs.report.reports import read_reports
from nobs.schema.report import Report
from nobs.storage.files import to_json
from nobs.storage.store import publish
from tests.fakes.reports import failed_report, hostile_report, make_report

FREE = Prices()


def report_of(node: str | None, speed: float = 1.0, run: str = "", **words: Any) -> Report:
    """Return the report of one run of a node."""
    name = run or str(node)
    report = make_report(
        run=name, speed=speed, tasks=("embeddings",), seed=crc32(name.encode()) % 99, **words
    )
    return report.model_copy(update={"run": report.run.model_copy(update={"node": node})})


def first(reports: list[Report], by: By = By.THROUGHPUT, prices: Prices = FREE) -> Ranking:
    return rank(reports, by=by, prices=prices)[0]


def test_machines_are_ordered_and_grouped_by_what_differs() -> None:
    ranking = first([report_of("n1"), report_of("n2", 2.0), report_of("n3")])

    assert [place.machine for place in ranking.places[:1]] == ["a host@n2"]
    assert [place.group for place in ranking.places] == [1, 2, 2]
    best = ranking.places[1].to_best
    assert best is not None
    assert best.value == pytest.approx(0.5, rel=0.02)


def test_reports_of_one_node_are_runs_of_one_machine_and_unnamed_ones_are_not() -> None:
    named = first([report_of("n1", run="a"), report_of("n1", run="b")])
    unnamed = first([report_of(None, run="a"), report_of(None, run="b")])

    assert [(place.machine, place.runs) for place in named.places] == [("a host@n1", 2)]
    assert sorted(place.machine for place in unnamed.places) == ["a host (a)", "a host (b)"]


def test_runs_of_one_node_under_other_limits_are_not_one_machine() -> None:
    def limited(run: str, cores: float | None) -> Report:
        host = {"cpu_governor": "performance"} | ({"cpu_limit_cores": cores} if cores else {})
        return report_of("n1", run=run).model_copy(update={"environment": {"host": host}})

    ranking = first([limited("a", None), limited("b", None), limited("c", 2.0)])
    alike = first([limited("a", 2.0), limited("b", 2.0)])

    assert sorted((place.machine, place.runs) for place in ranking.places) == [
        ("a host@n1 (2 CPU cores by the cgroup)", 1), ("a host@n1 (no limit)", 2),
    ]  # fmt: skip
    assert [(place.machine, place.runs) for place in alike.places] == [("a host@n1", 2)]


def test_a_slow_card_of_the_same_model_is_named_with_what_may_explain_it() -> None:
    slow = report_of("n4", 0.9)
    content = json.loads(to_json(slow))
    flag = {"name": "throttled", "severity": "warning", "message": "Heat slowed it down."}
    for model in content["tasks"][0]["models"].values():
        model["flags"] = [flag]
    reports = [*(report_of(f"n{n}") for n in range(4)), Report.model_validate(content)]
    ranking = first(reports)
    odd = [place for place in ranking.places if place.oddity]

    assert [place.machine for place in odd] == ["a host@n4"]
    assert odd[0].hints == ("throttled: Heat slowed it down.",)
    assert ranking.resolution is not None
    text = ranking_text([ranking])
    assert "a host@n4: " in text
    assert "% below the others of its model" in text
    assert "throttled: Heat slowed it down." in " ".join(text.split())


def test_runs_that_vary_too_much_say_so() -> None:
    ranking = first([report_of(f"n{n}") for n in range(3)])
    noisy = replace(ranking, resolution=2.4, needed=None)
    middle = replace(ranking, resolution=0.12, needed=7)

    assert "A machine that is 3." in " ".join(ranking_text([ranking]).split())
    assert "runs per machine." not in ranking_text([ranking])
    assert "Detecting 5.0 % needs about 7 runs per machine." in ranking_text([middle])
    assert "The runs vary too much" in ranking_text([noisy])
    assert "more than 100 runs per machine: reduce the noise" in ranking_text([noisy])


def test_money_may_reverse_the_order_and_knows_the_differences_of_speed() -> None:
    prices = Prices(machines=dict(parse_prices(["a host@n1=1/h", "a host@n2=9/h"])))
    ranking = first([report_of("n1"), report_of("n2", 2.0)], By.MONEY, prices)

    assert [place.machine for place in ranking.places] == ["a host@n1", "a host@n2"]
    assert [place.group for place in ranking.places] == [1, 2]
    assert ranking.figure.key == "usd_per_1000_rows"
    assert ranking.places[0].value == pytest.approx(ranking.places[0].price or 0)


def test_a_machine_without_a_price_is_named_where_money_orders() -> None:
    prices = Prices(machines=dict(parse_prices(["a host@n1=1/h"])))
    ranking = first([report_of("n1"), report_of("n2")], By.MONEY, prices)

    assert ([place.machine for place in ranking.places], ranking.missing) == (
        ["a host@n1"], ("a host@n2",),
    )  # fmt: skip
    assert "Not ranked, without $/1,000 rows: a host@n2." in ranking_text([ranking])
    assert first([report_of("n1"), report_of("n2")], prices=prices).missing == ()


def test_a_price_is_that_of_a_machine_a_node_a_device_or_a_server() -> None:
    assert names_of([report_of("n1"), make_report("b", tasks=("embeddings",))]) == {
        "a host", "a host@n1", "b",
    }  # fmt: skip


def test_energy_of_single_runs_has_an_order_but_no_groups() -> None:
    ranking = first([report_of("n1"), report_of("n2")], By.ENERGY)

    assert [place.group for place in ranking.places] == [None, None]
    assert "Without a group" in ranking_text([ranking])


def test_what_failed_or_differs_in_its_work_is_not_ranked_with_others() -> None:
    other = report_of("n2", division="open")
    rankings = rank([report_of("n1"), other, failed_report()], by=By.THROUGHPUT, prices=FREE)

    assert {(r.division, len(r.places)) for r in rankings if "modernbert" in r.model} == {
        ("closed", 1), ("open", 1),
    }  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_hostile_texts_stay_harmless_and_tables_fit_the_terminal(form: str) -> None:
    reports = [hostile_report("\x1b[31m=cmd()"), report_of("n1")]
    text = FORMATS[form](rank(reports, by=By.THROUGHPUT, prices=FREE))

    assert "\x1b" not in text
    if form == "table":
        assert max(map(len, text.splitlines())) <= 80


def test_every_run_of_a_results_directory_is_read_once(tmp_path: Path) -> None:
    for run in ("a", "b"):
        report = report_of("n1", run=run)
        (tmp_path / "runs" / run).mkdir(parents=True)
        (tmp_path / "runs" / run / "report.json").write_text(to_json(report))
        publish(tmp_path, report)
    (tmp_path / "report_damaged.json").write_text("{")

    reports, skipped = read_reports([tmp_path])

    assert sorted(report.run.id for report in reports) == ["a", "b"]
    assert len(skipped) == 1
