import json
from pathlib import Path

import pytest

from nobs.errors import UsageError
from nobs.render import FORMATS
from nobs.render.costs import render_costs
from nobs.report.leaderboard import Row, arrange, flatten
from nobs.report.price import Price, Prices, parse_power_price, parse_prices
from nobs.report.pricefile import read_prices
from nobs.schema.report import Report
from nobs.tasks import TASKS
from tests.fakes.honest_reports import honest_report
from tests.fakes.reports import make_report

YEAR_H = 365.25 * 24


def rows_of(report: Report, prices: Prices) -> list[Row]:
    return [row for _, row in flatten("a", report, prices).rows]


def claims(*texts: str, **more: float) -> Prices:
    return Prices(machines=dict(parse_prices(texts)), **more)


def local_llm(*, prefill: float = 2000.0, locality: str = "local") -> Report:
    """Return a report of an LLM at 100 tokens/s and load levels up to 800 tokens/s."""
    document = make_report("box", tasks=("llms",)).model_dump(mode="json", by_alias=True)
    (model,) = document["tasks"][0]["models"].values()
    model["final_median_prefill_tokens_per_sec"] = prefill
    for number, level in enumerate(model["load"]["levels"]):
        level["input_tokens_per_sec"] = 1500.0 * number
    model["server"] = {"provider": "openai", "base_url": "http://gpu-1:8000/v1",
                       "model": "m", "locality": locality}  # fmt: skip
    return Report.model_validate(document)


def test_costs_of_rows_follow_from_rent_and_rate() -> None:
    rows = rows_of(make_report("box", tasks=("embeddings",)), claims("box=3.6/h"))

    for row in rows:
        rate, cost = row.figures["rows_per_second"], row.figures["usd_per_1000_rows"]
        assert cost.value == pytest.approx(3.6 / 3600 / rate.value * 1000)
        assert (cost.low, cost.high) == pytest.approx((1 / (rate.high or 0), 1 / (rate.low or 0)))


def test_costs_of_tokens_add_up_to_that_of_a_request() -> None:
    (row,) = rows_of(local_llm(), claims("box=3.6/h"))
    found = {key: figure.value for key, figure in row.figures.items() if key.startswith("usd")}

    assert found == pytest.approx({
        "usd_per_1m_output_tokens": 3.6 / 3600 / 100 * 1e6,
        "usd_per_1m_input_tokens": 3.6 / 3600 / 2000 * 1e6,
        "usd_per_1m_output_tokens_under_load": 3.6 / 3600 / 800 * 1e6,
        "usd_per_1m_input_tokens_under_load": 3.6 / 3600 / 3000 * 1e6,
    })  # fmt: skip


@pytest.mark.parametrize("locality", ["remote", "unknown"])
def test_a_price_applies_to_the_machine_that_did_the_work(locality: str) -> None:
    report = local_llm(locality=locality)

    assert [row.price for row in rows_of(report, claims("box=1/h"))] == [""]
    assert [row.price for row in rows_of(report, claims("gpu-1=1/h"))] == ["$1 per hour (--price)"]
    board = arrange([flatten("a", report, claims("gpu-1=1/h"))])
    assert "Claimed price of gpu-1: $1 per hour" in render_costs(board)


@pytest.mark.parametrize(("claim", "hourly"), [
    ("box=2.49/h", 2.49),
    ("box=$2/h@50%", 4.0),
    ("box=8766/2y", 8766 / (2 * YEAR_H)),
    ("box=8766/1y@25%", 4.0),
])  # fmt: skip
def test_a_claim_is_a_price_per_busy_hour(claim: str, hourly: float) -> None:
    ((machine, price),) = parse_prices([claim])

    assert machine == "box"
    assert price.usd_per_busy_hour == pytest.approx(hourly)


@pytest.mark.parametrize(
    "claim", ["box", "=1/h", "box=", "box=1", "box=1/d", "box=-1/h", "box=0/h", "box=1/h@0%",
              "box=1/h@101%", "box=1/0y", "box=nan/h", "box=1.2.3/h", "box=2,49/h"],
)  # fmt: skip
def test_a_claim_that_cannot_be_read_is_quoted(claim: str) -> None:
    with pytest.raises(UsageError) as raised:
        list(parse_prices([claim]))

    assert claim in raised.value.message
    assert "2.49/h" in raised.value.remedy


def test_power_is_priced_from_what_was_measured() -> None:
    report = honest_report()
    host, (task, *_) = report.device_info.host, report.tasks
    (row, *_) = rows_of(report, Prices(usd_per_kwh=0.5))
    (model, *_) = task.models.values()
    joules = getattr(model, "joules_per_1000_rows").value  # noqa: B009 - of the task's class

    assert row.host == host
    # Joules per row are over all repeats and the rate is their median, so they differ a little.
    assert row.figures["usd_per_1000_rows"].value == pytest.approx(joules / 3.6e6 * 0.5, rel=0.05)


def test_power_of_a_bought_machine_is_added_and_that_of_a_rented_one_is_not() -> None:
    prices = claims("a=1/h", "b=1000/1y", usd_per_kwh=0.3)

    assert [price and price.usd_per_kwh for price in map(prices.find, "abc")] == [None, 0.3, 0.3]


def test_without_measured_power_there_is_no_cost_and_the_table_says_why() -> None:
    prices = claims("box=1000/1y", usd_per_kwh=0.3)
    board = arrange([flatten("a", make_report("box", tasks=("embeddings",)), prices)])

    assert all("usd_per_1000_rows" not in row.figures for row in board.tables[0].rows)
    assert "Without a cost: box. The price has power in it" in render_costs(board)


def test_every_format_shows_costs_and_the_claim() -> None:
    board = arrange([flatten("a", local_llm(), claims("box=3.6/h"))])
    shown = {name: FORMATS.load(name)(board) for name in ("markdown", "csv", "json", "html")}

    assert all("3.6 per hour (--price)" in text for text in shown.values())
    assert "$/1M output" in shown["markdown"]
    assert "$/1M output" in shown["html"]
    assert "usd_per_1m_output_tokens" in shown["csv"].splitlines()[0]
    (row,) = json.loads(shown["json"])["tables"][0]["rows"]
    assert row["figures"]["usd_per_1m_output_tokens"]["value"] == pytest.approx(10)


def test_the_costs_of_a_terminal_fit_80_columns() -> None:
    name = "OpenStack Nova 26.3.1 A100 80GB"
    report = local_llm()
    device = report.device_info.model_copy(update={"host": name})
    report = report.model_copy(update={"device_info": device})
    text = render_costs(arrange([flatten("a", report, claims(f"{name}=3.6/h"))]))

    assert "$10.0" in text
    assert f"Claimed price of {name}: $3.6 per hour (--price)" in text.splitlines()
    assert max(map(len, text.splitlines())) <= 80


def test_costs_need_a_claim() -> None:
    for row in rows_of(local_llm(), Prices()):
        assert not [key for key in row.figures if key.startswith("usd")]


def test_every_cost_has_its_own_name() -> None:
    figures = {id(f): f for name in TASKS for f in TASKS.load(name).figures if f.cost}.values()
    keys = [figure.cost.key for figure in figures if figure.cost]

    assert len({*keys}) == len(keys)
    assert "usd_per_1000_rows" in keys


def test_a_price_file_has_one_machine_per_line(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(
        "\ufeff# of today\nhost,usd_per_hour,purchase_usd,lifetime_years,duty,usd_per_kwh\n"
        '"Mac16,6",,4000,4,0.3,0.25\n\nbox,2.49,,,,\n',
        encoding="utf-8",
    )

    assert dict(read_prices(file)) == {
        "Mac16,6": Price(source="prices.csv, line 3", purchase_usd=4000, lifetime_years=4,
                         duty=0.3, usd_per_kwh=0.25),
        "box": Price(source="prices.csv, line 5", usd_per_hour=2.49),
    }  # fmt: skip


@pytest.mark.parametrize(("content", "where"), [
    ("host,usd_per_hour\na,two\n", "line 2, field usd_per_hour: two isn't a number above 0"),
    ("host,usd_per_hour\na,-1\n", "line 2, field usd_per_hour: -1"),
    ("host,usd_per_hour\na,inf\n", "line 2, field usd_per_hour: inf"),
    ("host,usd_per_hour\na,1\na,2\n", "line 3, field host: a has a price in line 2 already"),
    ("host,usd_per_hour\n,1\n", "line 2, field host: is empty"),
    ("host,usd_per_hour\na,2,49\n", "line 2: has 3 fields, but the heading has 2"),
    ("host,usd_per_hour\na,\n", "line 2, field usd_per_hour: the line has no price"),
    ("host;usd_per_hour\na;1\n", "line 1, field host;usd_per_hour: is unknown"),
    ("usd_per_hour\n1\n", "line 1, field host: is missing in the heading"),
    ("host,host\na,1\n", "line 1, field host: stands twice"),
    ("host,purchase_usd\na,1\n", "line 2, field lifetime_years: is missing"),
    ("host,lifetime_years,usd_per_hour\na,1,1\n", "line 2, field purchase_usd: is missing"),
    ("host,usd_per_hour,purchase_usd,lifetime_years\na,1,1,1\n", "line 2, field purchase_usd"),
    ("host,usd_per_hour,duty\na,1,40\n", "line 2, field duty: 40 is above 1"),
    ("host,usd_per_hour\n", "has no price"),
    ('host,usd_per_hour\n"a\nb",1\nc,x\n', "line 4, field usd_per_hour: x"),
    ('host,usd_per_hour\n"a,1\n', "line 2: isn't CSV"),
    ("", "has no price"),
    ("\0\0", "isn't a text"),
])  # fmt: skip
def test_errors_of_a_price_file_name_line_and_field(
    tmp_path: Path, content: str, where: str
) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(UsageError) as raised:
        list(read_prices(file))
    assert where in raised.value.message
    assert raised.value.remedy


def test_a_price_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("host,usd_per_hour\na,1\n", encoding="utf-16")

    with pytest.raises(UsageError, match="isn't UTF-8"):
        list(read_prices(file))
    with pytest.raises(UsageError, match="No such file"):
        list(read_prices(tmp_path / "none.csv"))


def test_a_power_price_is_dollars_per_kwh() -> None:
    assert [parse_power_price(text) for text in ("0.3", "$0.30/kWh")] == [0.3, 0.3]
    with pytest.raises(UsageError, match="--power-price 0,3 isn't a price"):
        parse_power_price("0,3")
